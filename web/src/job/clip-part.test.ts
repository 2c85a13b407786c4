import assert from "node:assert/strict";
import { test } from "node:test";
import { around, partOf } from "./clip-part.ts";

test("typed times are the part of a clip, or it is told what is wrong", () => {
  assert.deepEqual(partOf("0:12.5", "1:02", 0, 90_000), { from_ms: 12_500, to_ms: 62_000 });
  assert.match(String(partOf("soon", "1:02", 0, 90_000)), /such as/);
  assert.match(String(partOf("0:20", "0:20", 0, 90_000)), /later end/);
  assert.match(String(partOf("0", "1:00:01", 0, 90_000)), /an hour/);
});

test("without a time a clip goes from the beginning or to the end of the video", () => {
  assert.deepEqual(partOf("", "1:02", 40, 90_000), { from_ms: 40, to_ms: 62_000 });
  assert.deepEqual(partOf("0:12.5", " ", 40, 90_000), { from_ms: 12_500, to_ms: 90_000 });
  assert.match(String(partOf("", "", 0, 3_600_001)), /an hour/);
});

test("a track is shown with a second around it, within the video", () => {
  assert.deepEqual(around({ from_ms: 5000, to_ms: 7000 }, 60_000), { from: 4000, to: 8000 });
  assert.deepEqual(around({ from_ms: 200, to_ms: 59_500 }, 60_000), { from: 0, to: 60_000 });
  assert.deepEqual(around({ from_ms: 5000, to_ms: 5000 }, 5000), { from: 4000, to: 6000 });
});
