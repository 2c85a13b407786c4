// A hit in words, and where it leads. Pure.
import type { Hit } from "../api/track-types.ts";
import { clock, duration } from "../lib/time-format.ts";

// One for all, since making one takes longer than using it.
const MOMENT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** The player at the place of a hit, with its track. */
export function hitLink({ job_id, from_ms, track }: Pick<Hit, "job_id" | "from_ms" | "track">): string {
  return `/jobs/${job_id}#t=${(from_ms / 1000).toFixed(2)}&track=${track}`;
}

/** "Jan 31, 2026, 2:02:11 PM", or the time in the video where it is not known when it was recorded. */
export function hitTime({ at, from_ms }: Pick<Hit, "at" | "from_ms">): string {
  return at ? MOMENT.format(new Date(at)) : clock(from_ms);
}

/** "87 %, 3.1 s". */
export function hitFacts({ score, from_ms, to_ms }: Pick<Hit, "score" | "from_ms" | "to_ms">): string {
  return `${Math.round(score * 100)} %, ${duration(Math.max(0, to_ms - from_ms) / 1000)}`;
}

/** The camera or video. */
export function hitPlace({ source, video_name, video_id }: Pick<Hit, "source" | "video_name" | "video_id">): string {
  return (source?.startsWith("stream:") ? video_name : source) || video_name || `Video ${video_id.slice(0, 8)}`;
}
