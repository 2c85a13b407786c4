import assert from "node:assert/strict";
import { test } from "node:test";
import type { Frame, Job } from "../../api/types.ts";
import { hintFor } from "./hint.ts";

const frames: Frame[] = [{ frame: 9, time_ms: 360, detections: [] }];
const rhythm = { frameMs: 40, gapMs: null };
const job = (more: Partial<Job>) => ({ state: "succeeded", options: {}, failed_ranges: [], ...more }) as unknown as Job;
const place = { ms: 400, shown: null, frames, loaded: true, failed: false };

test("a frame with results has no hint, a held one is named", () => {
  const frame = frames[0] as Frame;
  assert.equal(hintFor({ ...place, shown: { frame, held: false } }, job({}), rhythm), null);
  assert.match(hintFor({ ...place, shown: { frame, held: true } }, job({}), rhythm) ?? "", /frame 9/);
});

test("why there are no boxes", () => {
  assert.match(hintFor({ ...place, loaded: false }, job({}), rhythm) ?? "", /Loading/);
  assert.match(hintFor(place, job({ state: "running" }), rhythm) ?? "", /Not processed yet/);
  assert.match(hintFor(place, job({ options: { end_ms: 400 } }), rhythm) ?? "", /left out/);
  const failed = [{ first: 10, last: 20, reason: "damaged" }];
  assert.match(
    hintFor(place, job({ state: "partial", failed_ranges: failed }), rhythm) ?? "",
    /could not be processed/,
  );
  assert.match(hintFor(place, job({ state: "cancelled" }), rhythm) ?? "", /cancelled/);
});
