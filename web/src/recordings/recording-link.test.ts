import assert from "node:assert/strict";
import { test } from "node:test";
import { recordingLink } from "./recording-link.ts";

const part = (job_id: string | null, started: string, ended: string | null) => ({
  job_id,
  started_at: `2026-01-31T${started}Z`,
  ended_at: ended && `2026-01-31T${ended}Z`,
});
const at = (time: string) => Date.parse(`2026-01-31T${time}Z`);

test("a moment of a stream leads to the recording that has it", () => {
  const parts = [part("c", "12:20:00", null), part("b", "12:10:00", "12:20:00"), part("a", "12:00:00", "12:10:00")];
  assert.equal(recordingLink(parts, at("12:10:02.500")), "/jobs/b#t=2.50");
  assert.equal(recordingLink(parts, at("12:00:00")), "/jobs/a#t=0.00");
  assert.equal(recordingLink(parts, at("12:21:00")), null, "it is still being recorded");
  assert.equal(recordingLink(parts, at("11:59:59")), null);
  assert.equal(recordingLink([part(null, "12:00:00", "12:10:00")], at("12:05:00")), null, "its results are not there");
});
