import assert from "node:assert/strict";
import { test } from "node:test";
import { clock, duration } from "./time-format.ts";

test("places in a video", () => {
  assert.equal(clock(7480), "0:07");
  assert.equal(clock(7480, 3), "0:07.480");
  assert.equal(clock(3_723_999.9999999, 1), "1:02:04.0");
  assert.equal(clock(59_999), "0:59");
  assert.equal(clock(-200, 1), "-0:00.2");
});

test("how long something took", () => {
  assert.equal(duration(0.84), "0.8 s");
  assert.equal(duration(9.96), "10 s");
  assert.equal(duration(185), "3 min 5 s");
  assert.equal(duration(3599.7), "1 h");
  assert.equal(duration(7440), "2 h 4 min");
});
