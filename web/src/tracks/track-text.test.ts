import assert from "node:assert/strict";
import { test } from "node:test";
import { framesIn, trackFacts, trackName } from "./track-text.ts";

test("a length is a number of processed frames", () => {
  assert.equal(framesIn(0, 40), null);
  assert.equal(framesIn(1, 40), 25);
  assert.equal(framesIn(0.5, 33.3), 16);
  assert.equal(framesIn(2, 5000), 1);
});

test("a track in words", () => {
  const track = { id: 7, label: "car", from_ms: 4250, to_ms: 7350, score: 0.871 };
  assert.equal(trackName(track), "car 7");
  assert.equal(trackFacts(track), "0:04.2, 3.1 s, 87 %");
});
