import assert from "node:assert/strict";
import { test } from "node:test";
import { ago, clock, duration, left, parseClock } from "./time-format.ts";

test("times of a video", () => {
  assert.equal(clock(7480), "0:07");
  assert.equal(clock(7480, 3), "0:07.480");
  assert.equal(clock(3_723_999.9999999, 1), "1:02:04.0");
  assert.equal(clock(59_999), "0:59");
  assert.equal(clock(-200, 1), "-0:00.2");
});

test("durations", () => {
  assert.equal(duration(0.84), "0.8 s");
  assert.equal(duration(9.96), "10 s");
  assert.equal(duration(185), "3 min 5 s");
  assert.equal(duration(3599.7), "1 h");
  assert.equal(duration(7440), "2 h 4 min");
});

test("typed times are parsed, other text is refused", () => {
  assert.equal(parseClock("90"), 90_000);
  assert.equal(parseClock("1:02.5"), 62_500);
  assert.equal(parseClock(" 1:02:03 "), 3_723_000);
  for (const text of ["", "1:", "a", "1:75", "-3", "1:2:3:4"]) assert.equal(parseClock(text), null, text);
});

test("every formatted time is parsed back", () => {
  for (let ms = 0; ms < 10_000_000; ms += 61_000) assert.equal(parseClock(clock(ms)), ms);
});

test("the remaining time has a fitting unit", () => {
  assert.equal(left(0.2), "a moment left");
  assert.equal(left(59), "59 s left");
  assert.equal(left(600), "10 min left");
  assert.equal(left(7260), "2 h 1 min left");
});

test("times in the past", () => {
  const now = Date.parse("2026-01-02T12:00:00Z");
  assert.equal(ago("2026-01-02T11:59:30Z", now), "just now");
  assert.equal(ago("2026-01-02T11:15:00Z", now), "45 min ago");
  assert.equal(ago("2026-01-02T09:00:00Z", now), "3 h ago");
});
