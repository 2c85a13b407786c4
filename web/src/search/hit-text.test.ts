import assert from "node:assert/strict";
import { test } from "node:test";
import { hitFacts, hitLink, hitPlace, hitTime } from "./hit-text.ts";

test("a hit leads to its place in the player", () => {
  assert.equal(hitLink({ job_id: "abc", from_ms: 12500, track: 7 }), "/jobs/abc#t=12.50&track=7");
});

test("a hit in words", () => {
  assert.equal(hitFacts({ score: 0.871, from_ms: 4200, to_ms: 7300 }), "87 %, 3.1 s");
  assert.equal(hitTime({ at: null, from_ms: 62000 }), "1:02");
  assert.match(hitTime({ at: "2026-01-31T14:02:11Z", from_ms: 62000 }), /2026/);
});

test("its camera is named, else its video", () => {
  const hit = { video_id: "12345678-9", video_name: "yard.mp4", source: "back door" };
  assert.equal(hitPlace(hit), "back door");
  assert.equal(hitPlace({ ...hit, source: "stream:1b4e28ba" }), "yard.mp4");
  assert.equal(hitPlace({ ...hit, source: null, video_name: null }), "Video 12345678");
});
