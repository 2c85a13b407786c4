import assert from "node:assert/strict";
import { test } from "node:test";
import { cropOf } from "./crop.ts";

const frame = { width: 1000, height: 500 };
const square = { width: 1, height: 1 };

test("a picture is centred on its object, with some of what is around it", () => {
  assert.deepEqual(cropOf([400, 200, 500, 300], frame, square), { x: 388, y: 188, width: 124, height: 124 });
  const tall = cropOf([400, 100, 450, 300], frame, { width: 2, height: 1 });
  assert.deepEqual([tall.height, tall.width], [248, 496]);
  assert.equal(tall.x + tall.width / 2, 425);
});

test("it stays within the frame", () => {
  assert.deepEqual(cropOf([0, 0, 100, 100], frame, square), { x: 0, y: 0, width: 124, height: 124 });
  assert.deepEqual(cropOf([900, 400, 1000, 500], frame, square), { x: 876, y: 376, width: 124, height: 124 });
  assert.deepEqual(cropOf([0, 0, 1000, 500], frame, square), { x: 0, y: 0, width: 1000, height: 500 });
});

test("of a tiny object more is shown around it", () => {
  const tiny = cropOf([500, 250, 502, 252], frame, square);
  assert.deepEqual([tiny.width, tiny.height], [80, 80]);
});
