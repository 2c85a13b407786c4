import assert from "node:assert/strict";
import { test } from "node:test";
import { ago, bytes, clock, left, parseClock } from "./format.ts";

test("sizes have three figures at most, and the unit that fits", () => {
  const cases: [number, string][] = [
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.0 kB"],
    [9940, "9.9 kB"],
    [9960, "10 kB"],
    [999_600, "1.0 MB"],
    [2_345_678_901, "2.3 GB"],
  ];
  for (const [count, text] of cases) assert.equal(bytes(count), text);
});

test("times of a video read as on a player", () => {
  assert.equal(clock(0), "0:00");
  assert.equal(clock(61_999), "1:01");
  assert.equal(clock(3_723_000), "1:02:03");
});

test("what is typed as a time is read, and what is none is not", () => {
  assert.equal(parseClock("90"), 90_000);
  assert.equal(parseClock("1:02.5"), 62_500);
  assert.equal(parseClock(" 1:02:03 "), 3_723_000);
  for (const text of ["", "1:", "a", "1:75", "-3", "1:2:3:4"]) assert.equal(parseClock(text), null, text);
});

test("every shown time is read back", () => {
  for (let ms = 0; ms < 10_000_000; ms += 61_000) assert.equal(parseClock(clock(ms)), ms);
});

test("what is left is told in words that fit its length", () => {
  assert.equal(left(0.2), "a moment left");
  assert.equal(left(59), "59 s left");
  assert.equal(left(600), "10 min left");
  assert.equal(left(7260), "2 h 1 min left");
});

test("how long ago", () => {
  const now = Date.parse("2026-01-02T12:00:00Z");
  assert.equal(ago("2026-01-02T11:59:30Z", now), "just now");
  assert.equal(ago("2026-01-02T11:15:00Z", now), "45 min ago");
  assert.equal(ago("2026-01-02T09:00:00Z", now), "3 h ago");
});
