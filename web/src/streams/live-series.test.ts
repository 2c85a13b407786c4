import assert from "node:assert/strict";
import { test } from "node:test";
import type { Detection } from "../api/types.ts";
import { LiveSeries } from "./live-series.ts";

const found = (...labels: string[]) => labels.map((label) => ({ label }) as Detection);

test("results become counts per second and label, each frame once", () => {
  const live = new LiveSeries();
  const add = (frame: number, time_ms: number, ...labels: string[]) =>
    live.add({ frame, time_ms, detections: found(...labels) });
  add(1, 10_000, "cat");
  add(2, 10_500, "cat", "cat", "dog");
  add(2, 10_500, "cat", "cat", "dog");
  add(3, 12_100);
  const series = live.series(3000);
  assert.deepEqual([series.from_ms, series.to_ms, series.frames, series.any], [10_000, 13_000, [2, 0, 1], [2, 0, 0]]);
  assert.deepEqual(series.labels.cat, { first_frame: 1, max: [2, 0, 0], mean: [2, 0, 0] });
  assert.equal(series.labels.dog?.first_frame, 2);
});

test("results may come late, and the oldest are forgotten", () => {
  const live = new LiveSeries();
  live.add({ frame: 9, time_ms: 2000, detections: found("cat") });
  live.add({ frame: 8, time_ms: 500, detections: found("cat") });
  assert.deepEqual(live.series(3000).labels.cat?.max, [1, 0, 1]);
  assert.equal(live.series(3000).labels.cat?.first_frame, 8);
  live.add({ frame: 10, time_ms: 3_600_000, detections: [] });
  live.add({ frame: 7, time_ms: 400, detections: [] });
  assert.equal(
    live.series(3_601_000).frames.reduce((sum, frames) => sum + frames),
    1,
  );
});
