import assert from "node:assert/strict";
import { test } from "node:test";
import { placeNames } from "./names.ts";

const picture = { x: 0, y: 0, width: 100, height: 100 };
const size = { width: 40, height: 18 };
const name = (x: number, y: number, width: number, height: number) => ({ box: { x, y, width, height }, ...size });
const placed = (...names: ReturnType<typeof name>[]) =>
  placeNames(names, picture).map((place) => place && [place.x, place.y]);

test("a name is above its box, inside it where there is no room, and never outside the picture", () => {
  assert.deepEqual(placed(name(10, 50, 5, 5)), [[10, 32]]);
  assert.deepEqual(placed(name(10, 5, 5, 50)), [[10, 5]]);
  assert.deepEqual(placed(name(90, 50, 5, 5)), [[60, 32]]);
  assert.deepEqual(placed(name(-9, -9, 5, 30)), [[0, 0]]);
  assert.deepEqual(placed(name(-9, -99, 300, 500)), [[0, 0]]);
});

test("names of boxes over each other do not cover each other", () => {
  const names = [name(10, 40, 80, 40), name(12, 42, 80, 40), name(10, 40, 80, 40), name(14, 38, 80, 40)];
  const places = placeNames(names, picture);
  assert.deepEqual([places[0]?.x, places[0]?.y], [10, 22]);
  for (const [index, one] of places.entries()) {
    assert.ok(one);
    for (const other of places.slice(0, index) as { x: number; y: number }[]) {
      const apart: boolean = Math.abs(one.x - other.x) >= 40 || Math.abs(one.y - other.y) >= 18;
      assert.ok(apart, JSON.stringify([one, other]));
    }
  }
});

test("a name without room is left out, and the first ones keep theirs", () => {
  const places = placed(...Array.from({ length: 20 }, () => name(30, 40, 41, 20)));
  assert.deepEqual(places[0], [30, 22]);
  assert.ok(places.includes(null));
  assert.deepEqual(placeNames([{ box: { x: 0, y: 0, width: 9, height: 9 }, width: 40, height: 200 }], picture), [null]);
});
