import assert from "node:assert/strict";
import { test } from "node:test";
import { clipOf, keyOf, reelOf, toggled } from "./pieces.ts";

const hit = (track: number) => ({
  job_id: "j",
  track,
  video_id: "v",
  from_ms: track * 1000,
  to_ms: track * 1000 + 500,
});

test("a second click takes a hit out of the choice, and the order is that of choosing", () => {
  let chosen = toggled(new Map(), hit(2));
  chosen = toggled(toggled(chosen, hit(1)), hit(3));
  chosen = toggled(chosen, hit(1));
  assert.deepEqual([...chosen.keys()], [keyOf(hit(2)), keyOf(hit(3))]);
  assert.deepEqual(reelOf(chosen.values()), {
    pieces: [
      { video_id: "v", from_ms: 2000, to_ms: 2500 },
      { video_id: "v", from_ms: 3000, to_ms: 3500 },
    ],
  });
});

test("a clip of a hit has a second around it, in whole milliseconds, from the start of the video on at most an hour", () => {
  assert.deepEqual(clipOf({ from_ms: 400.4, to_ms: 2000.2 }), { from_ms: 0, to_ms: 3001, exact: false });
  assert.deepEqual(clipOf({ from_ms: 2500.6, to_ms: 2500.6 }), { from_ms: 1500, to_ms: 3501, exact: false });
  assert.deepEqual(clipOf({ from_ms: 5000, to_ms: 9e6 }), { from_ms: 4000, to_ms: 3_604_000, exact: false });
});
