// States, progress and failures of a job, and its video, in words. Pure.

import type { FrameRange, Job, JobState, Summary } from "../api/types.ts";
import { count } from "../lib/format.ts";
import { clock, left } from "../lib/time-format.ts";

export const STATE_WORDS: Record<JobState, string> = {
  queued: "Queued",
  planning: "Preparing",
  running: "Running",
  merging: "Finishing",
  succeeded: "Completed",
  partial: "Partially completed",
  failed: "Failed",
  cancelled: "Cancelled",
};

export type Tone = "busy" | "good" | "warn" | "bad" | "idle";

const TONES: Record<JobState, Tone> = {
  queued: "idle",
  planning: "busy",
  running: "busy",
  merging: "busy",
  succeeded: "good",
  partial: "warn",
  failed: "bad",
  cancelled: "idle",
};

export function toneOf(state: JobState): Tone {
  return TONES[state];
}

export function stateWords({ state, cancel_requested }: Pick<Job, "state" | "cancel_requested">): string {
  return cancel_requested && TONES[state] === "busy" ? "Cancelling" : STATE_WORDS[state];
}

export function nameOf(job: Pick<Job, "video" | "video_id">): string {
  return job.video?.name || `Video ${job.video_id.slice(0, 8)}`;
}

/** "1:02 · 1920 × 1080": metadata of a video. */
export function videoFacts(
  facts: { width: number | null; height: number | null; duration_ms: number | null } | null | undefined,
): string {
  if (!facts) return "";
  const size = facts.width && facts.height ? `${facts.width} × ${facts.height}` : "";
  return [facts.duration_ms ? clock(facts.duration_ms) : "", size].filter(Boolean).join(" · ");
}

/** "1,200 of 3,000 frames · 95 frames/s · 20 s left": progress of a job. */
export function progressWords({ frames_done, frames_total, fps, eta_s }: Job["progress"]): string {
  const words = [
    frames_total ? `${count(frames_done)} of ${count(frames_total)} frames` : `${count(frames_done)} frames`,
  ];
  if (fps) words.push(`${fps >= 10 ? count(Math.round(fps)) : fps.toFixed(1)} frames/s`);
  if (eta_s !== null) words.push(left(eta_s));
  return words.join(" · ");
}

/** "frames 240 to 359: the worker was lost". */
export function rangeWords(range: FrameRange): string {
  const frames =
    range.first === range.last ? `frame ${count(range.first)}` : `frames ${count(range.first)} to ${count(range.last)}`;
  return `${frames}: ${range.reason}`;
}

/** What is said where an ended job shows no labels. summary: null while it loads, or why it is not there. */
export function noLabels(summary: Summary | string | null): string {
  if (summary === null) return "Loading…";
  if (typeof summary === "string") return `The labels are not available: ${summary}`;
  return "Nothing was detected in this video.";
}

/** What to do about a job that did not succeed. */
export function whatToDo(job: Job): string | null {
  if (job.state === "failed") return "Run it again; if it fails again, upload the video again.";
  if (job.state === "cancelled") return "The results so far are kept. Run it again for the rest.";
  if (job.state !== "partial") return null;
  return job.failed_ranges.length
    ? "The rest is complete. Run it again to retry these frames."
    : "The rest is complete. If the file is damaged, upload a fresh copy.";
}
