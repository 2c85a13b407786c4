import assert from "node:assert/strict";
import { test } from "node:test";
import { keyOf, reelOf, toggled } from "./pieces.ts";

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
