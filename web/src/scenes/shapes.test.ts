import assert from "node:assert/strict";
import { test } from "node:test";
import { arrow, edges, moved, type Point, type Shape, withMore, without, withPoint } from "./shapes.ts";

const triangle: Point[] = [
  [0.1, 0.1],
  [0.5, 0.1],
  [0.5, 0.6],
];
const zone: Shape = { key: 0, kind: "zone", name: "Door", points: triangle };
const line: Shape = { key: 1, kind: "line", name: "Gate", points: triangle };

test("points and shapes stay in the frame", () => {
  assert.deepEqual(withPoint(zone, 1, [1.2, -0.3]).points[1], [1, 0]);
  assert.deepEqual(moved(zone, 0.1, 0.1).points, [
    [0.2, 0.2],
    [0.6, 0.2],
    [0.6, 0.7],
  ]);
  assert.deepEqual(moved(zone, -2, 2).points, [
    [0, 0.5],
    [0.4, 0.5],
    [0.4, 1],
  ]);
});

test("a point is added in the middle of an edge, and the last edge of a zone leads back", () => {
  assert.deepEqual(
    edges(zone).map(({ after }) => after),
    [0, 1, 2],
  );
  assert.deepEqual(
    edges(line).map(({ after }) => after),
    [0, 1],
  );
  const last = edges(zone)[2] as { after: number; middle: Point };
  assert.deepEqual(last.middle, [0.3, 0.35]);
  assert.deepEqual(withMore(zone, 2, last.middle).points, [...triangle, [0.3, 0.35]]);
  assert.deepEqual(withMore(line, 0, [0.3, 0.1]).points[1], [0.3, 0.1]);
});

test("a zone keeps three points, a line two", () => {
  assert.equal(without(zone, 0), null);
  const two = without(line, 1);
  assert.deepEqual(two?.points, [triangle[0], triangle[2]]);
  assert.equal(without(two as Shape, 0), null);
});

test("the arrow of a line points to its right as drawn", () => {
  const right: Point[] = [
    [0.2, 0.5],
    [0.8, 0.5],
  ];
  assert.deepEqual(arrow(right, 2), { at: [0.5, 0.5], degrees: 90 });
  assert.equal(arrow([...right].reverse(), 2).degrees, 270);
  assert.deepEqual(arrow(line.points, 1), { at: [0.5, 0.35], degrees: 180 });
});
