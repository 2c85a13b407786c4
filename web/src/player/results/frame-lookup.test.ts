import assert from "node:assert/strict";
import { test } from "node:test";
import type { Frame } from "../../api/types.ts";
import { indexAt, middleOf, offsetOf, rhythmOf, showing, stepFrom } from "./frame-lookup.ts";

const at = (...places: [number, number][]): Frame[] =>
  places.map(([frame, time_ms]) => ({ frame, time_ms, detections: [] }));
const uneven = at([0, 0], [1, 20], [2, 140], [3, 150], [4, 183]);
const every = { frameMs: 40, gapMs: null };

test("each picture of a variable rate video gets its own frame", () => {
  for (const { frame, time_ms } of uneven) {
    assert.equal(showing(uneven, time_ms + 0.0004, every, true)?.frame.frame, frame);
    assert.equal(showing(uneven, time_ms - 0.0004, every, true)?.frame.frame, frame);
  }
});

test("a picture between known frames has no boxes", () => {
  const hole = at([0, 0], [1, 40], [5, 200]);
  assert.equal(showing(hole, 80, every, true), null);
  assert.equal(showing(hole, 65, every, true), null, "a picture of its own, less than a usual frame after the last");
  assert.equal(showing(hole, 160, every, true), null);
  assert.equal(showing(hole, 200, every, true)?.frame.frame, 5);
  assert.equal(showing(hole, -40, every, true), null);
});

test("a playback time belongs to a frame for its whole duration", () => {
  assert.equal(showing(uneven, 139, every, false)?.frame.frame, 2);
  assert.equal(showing(uneven, 138, every, false)?.frame.frame, 1);
});

test("sampled frames keep their boxes until the next one", () => {
  const sampled = at([0, 0], [5, 200], [10, 400]);
  const rhythm = rhythmOf(25, 5, null);
  assert.deepEqual(rhythm, { frameMs: 40, gapMs: 200 });
  assert.equal(showing(sampled, 0, rhythm, true)?.held, false);
  const held = showing(sampled, 160, rhythm, true);
  assert.deepEqual([held?.frame.frame, held?.held], [0, true]);
  assert.equal(showing(sampled, 560, rhythm, true)?.held, true);
  assert.equal(showing(sampled, 720, rhythm, true), null);
});

test("sampling by rate keeps boxes where it skips frames", () => {
  assert.equal(rhythmOf(25, null, 5).gapMs, 200);
  assert.equal(rhythmOf(25, null, 24).gapMs, null);
  assert.equal(rhythmOf(25, 1, null).gapMs, null);
});

test("steps go from frame to frame in both directions and land in the middle", () => {
  assert.equal(stepFrom(uneven, 0, 1, every), 80);
  assert.equal(stepFrom(uneven, 80, 1, every), 145);
  assert.equal(stepFrom(uneven, 145, -1, every), 80);
  assert.equal(stepFrom(uneven, 0, -1, every), null);
  assert.equal(stepFrom(at([0, 0], [900, 36_000]), 0, 1, every), null);
});

test("stepping back between two sampled frames goes to the held one", () => {
  const sampled = at([0, 0], [5, 200], [10, 400]);
  assert.equal(stepFrom(sampled, 320, -1, rhythmOf(25, 5, null)), 220);
  assert.equal(stepFrom(sampled, 220, -1, rhythmOf(25, 5, null)), 20);
});

test("the middle of a frame is before the next one, known or not", () => {
  assert.equal(middleOf(uneven, 2, 40), 145);
  assert.equal(middleOf(uneven, 4, 40), 203);
  assert.equal(middleOf(at([0, 0], [2, 15]), 0, 40), 7.5);
});

test("binary search equals a linear search", () => {
  for (let ms = -5; ms < 200; ms += 0.5) {
    assert.equal(
      indexAt(uneven, ms),
      uneven.findLastIndex((frame) => frame.time_ms <= ms + 1),
    );
  }
});

test("the offset is computed from the first picture", () => {
  const late = at([0, 1500], [1, 1533.333]);
  assert.equal(offsetOf(1500, late), 0, "the container's times");
  assert.equal(offsetOf(0, late), 1500, "a browser that begins at 0");
  assert.equal(offsetOf(0, at([0, -200], [5, 0])), 0, "pictures before 0 are left out");
  assert.equal(offsetOf(0, at([40, 1600], [41, 1640])), 0, "the job begins later: nothing can be told");
  assert.equal(offsetOf(66.667, at([0, 66.667])), 0);
  assert.equal(offsetOf(0, []), 0);
});
