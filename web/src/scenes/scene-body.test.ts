import assert from "node:assert/strict";
import { test } from "node:test";
import { bodyOf, fresh, shapesOf, whyNot } from "./scene-body.ts";
import type { Point, Shape } from "./shapes.ts";

const triangle: Point[] = [
  [0.1, 0.1],
  [0.5, 0.1],
  [0.5, 0.6],
];
const zone: Shape = { key: 0, kind: "zone", name: "Door", points: triangle };
const line: Shape = { key: 1, kind: "line", name: "Gate", points: triangle };

test("a scene that is read and written again is the same", () => {
  const body = {
    name: "Yard",
    zones: [{ name: "Door", polygon: triangle }],
    lines: [{ name: "Gate", points: triangle }],
  };
  assert.deepEqual(shapesOf(body), [zone, line]);
  assert.deepEqual(bodyOf(" Yard ", shapesOf(body)), body);
});

test("new shapes have names of their own", () => {
  const first = fresh("zone", triangle, [line]);
  assert.deepEqual([first.name, first.key], ["Zone 1", 2]);
  assert.equal(fresh("zone", triangle, [first]).name, "Zone 2");
  assert.equal(fresh("line", triangle, [first]).name, "Line 1");
});

test("what cannot be saved is told", () => {
  assert.equal(whyNot("Yard", [zone, line]), null);
  assert.match(whyNot(" ", [zone]) ?? "", /name/);
  assert.match(whyNot("Yard", []) ?? "", /Draw/);
  assert.match(whyNot("Yard", [zone, { ...line, name: "" }]) ?? "", /each/);
  assert.match(whyNot("Yard", [zone, { ...line, name: "Door " }]) ?? "", /Two are named Door/);
});
