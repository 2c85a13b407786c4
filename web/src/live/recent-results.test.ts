import assert from "node:assert/strict";
import { test } from "node:test";
import { LONGEST_HOLD_MS, RecentResults } from "./recent-results.ts";

const result = (frame: number, time_ms: number) => ({ frame, time_ms, detections: [], width: 4, height: 3 });

function held(...results: [number, number][]): RecentResults {
  const recent = new RecentResults();
  for (const [frame, time] of results) recent.add(result(frame, time));
  return recent;
}

test("results are kept in the order of their times, once each, and not for ever", () => {
  const recent = held(...[40, 80, 160, 120, 80].map((time): [number, number] => [time / 40, time]));
  const frames = () => recent.frames.map(({ frame }) => frame);
  assert.deepEqual(frames(), [1, 2, 3, 4]);
  recent.add(result(900, 30_000));
  assert.deepEqual(frames(), [900]);
  recent.add(result(3, 100));
  assert.deepEqual(frames(), [3], "the stream was started anew");
});

test("a picture without a result has no boxes of its own, however slow the stream is", () => {
  const recent = held([10, 400], [12, 480]);
  for (const fps_in of [0, 3, 8, 25, 120]) {
    const stats = { fps_in, fps_out: 2 };
    assert.equal(recent.showing(400.0004, true, stats)?.held, false);
    assert.equal(recent.showing(440, true, stats)?.held, true, `${fps_in} frames/s`);
    assert.equal(recent.showing(480, true, stats)?.frame.frame, 12);
  }
});

test("a picture whose result is still missing has no boxes of its own between frames that are decoded one after the other", () => {
  const recent = held([10, 400], [11, 480]);
  assert.equal(recent.showing(439.9996, true, { fps_in: 25, fps_out: 25 })?.held, true);
});

test("without the picture's own time a frame lasts until the next", () => {
  const stats = { fps_in: 25, fps_out: 25 };
  const recent = held([10, 400], [11, 440]);
  assert.equal(recent.showing(438, false, stats)?.frame.frame, 10);
  assert.equal(recent.showing(445, false, stats)?.held, false);
});

test("boxes are not held for ever", () => {
  const recent = held([10, 400]);
  const stats = { fps_in: 25, fps_out: 0.1 };
  assert.equal(recent.showing(399 + LONGEST_HOLD_MS, true, stats)?.held, true);
  assert.equal(recent.showing(400 + 2 * LONGEST_HOLD_MS, true, stats), null);
});
