import assert from "node:assert/strict";
import { test } from "node:test";
import { fitted, placed } from "./geometry.ts";

test("the picture is centred on a wide stage", () => {
  assert.deepEqual(fitted(1000, 300, 400, 300), { x: 300, y: 0, width: 400, height: 300 });
  assert.deepEqual(fitted(400, 1000, 800, 600), { x: 0, y: 350, width: 400, height: 300 });
  assert.deepEqual(fitted(400, 200, 0, 0), { x: 0, y: 0, width: 400, height: 200 });
});

test("boxes are scaled with the picture", () => {
  const picture = { x: 10, y: 20, width: 160, height: 90 };
  const box = placed([0, 240, 720, 480], { width: 720, height: 480 }, picture);
  assert.deepEqual(box, { x: 10, y: 65, width: 160, height: 45 });
});
