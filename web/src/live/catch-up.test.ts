import assert from "node:assert/strict";
import { test } from "node:test";
import { chase, removable } from "./catch-up.ts";

const buffered = [{ start: 0, end: 100.04 }];
const NEWEST = 100;

test("the picture is played faster while it is behind, and no faster once it is there", () => {
  assert.deepEqual(chase(99.5, NEWEST, buffered, 0.05), { rate: 1.25, to: null });
  assert.deepEqual(chase(99.85, NEWEST, buffered, 0.05), { rate: 1.08, to: null });
  assert.deepEqual(chase(99.945, NEWEST, buffered, 0.05), { rate: 1, to: null });
});

test("it gives way where boxes come later than the picture", () => {
  assert.deepEqual(chase(99.95, NEWEST, buffered, 0.2), { rate: 0.94, to: null });
  assert.deepEqual(chase(99.95, NEWEST, buffered, 0.6), { rate: 0.75, to: null });
});

test("it jumps where it is far behind, and to what is buffered", () => {
  assert.deepEqual(chase(90, NEWEST, buffered, 0.05), { rate: 1, to: 99.95 });
  assert.deepEqual(chase(50, 200, [...buffered, { start: 199.98, end: 200.02 }], 0.05), { rate: 1, to: 199.98 });
});

test("a hole is jumped over, and one of rounding is not", () => {
  const holed = [
    { start: 99, end: 99.5 },
    { start: 99.7, end: 100.04 },
  ];
  assert.deepEqual(chase(99.5, NEWEST, holed, 0.4), { rate: 1, to: 99.7 });
  assert.equal(chase(99.6, NEWEST, holed, 0.4).to, 99.7);
  assert.equal(chase(99.699, NEWEST, holed, 0.3).to, null);
});

test("nothing moves before there is something", () => {
  assert.deepEqual(chase(0, 0, [], 0.05), { rate: 1, to: null });
});

test("old media goes up to a keyframe that was passed, never the group that plays", () => {
  assert.equal(removable(100, 0, [0, 60, 80, 95], 10), 80);
  assert.equal(removable(100, 0, [0], 10), null);
  assert.equal(removable(100, 79, [80, 95], 10), null, "not for every second");
  assert.equal(removable(5, 0, [], 10), null);
});
