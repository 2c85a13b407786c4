// Hint for a time without its own boxes. Pure.
import { ENDED, type Frame, type Job } from "../../api/types.ts";
import { indexAt, type Rhythm, type Shown } from "./frame-lookup.ts";

export interface Place {
  ms: number;
  shown: Shown | null;
  /** Loaded frames around the time. */
  frames: readonly Frame[];
  loaded: boolean;
  failed: boolean;
}

/** The hint for the viewer, or null. */
export function hintFor(place: Place, job: Job, rhythm: Rhythm): string | null {
  const { shown } = place;
  if (shown?.held) return `Boxes of frame ${shown.frame.frame}: not every frame was processed`;
  if (shown) return null;
  if (place.failed) return "The boxes could not be loaded. Retrying…";
  if (!place.loaded) return "Loading boxes…";
  const { start_ms, end_ms } = job.options;
  if ((start_ms && place.ms < start_ms) || (end_ms && place.ms >= end_ms))
    return "This part was left out: it is outside the time range of the job";
  if (isFailed(place, job)) return "This part could not be processed";
  if (!ENDED.has(job.state)) return "Not processed yet: boxes appear here when the job reaches this part";
  if (job.state === "cancelled") return "The job was cancelled before it reached this part";
  return rhythm.gapMs === null && job.state !== "succeeded" ? "There are no results for this part" : null;
}

/** Whether the missing frame is in a failed range. */
function isFailed(place: Place, job: Job): boolean {
  const before = place.frames[indexAt(place.frames, place.ms)];
  const frame = before ? before.frame + 1 : 0;
  return job.failed_ranges.some((range) => range.first <= frame && frame <= range.last);
}
