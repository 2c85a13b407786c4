// A hit in words, and where it leads. Pure.
import type { Hit } from "../api/track-types.ts";
import { clock, duration } from "../lib/time-format.ts";

// One for all, since making one takes longer than using it.
const MOMENT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** The player at the place of a hit, with its track. */
export function hitLink({ job_id, start, track }: Pick<Hit, "job_id" | "start" | "track">): string {
  return `/jobs/${job_id}#t=${start.toFixed(2)}&track=${track}`;
}

/** "Jan 31, 2026, 2:02:11 PM", or the time in the video where it is not known when it was recorded. */
export function hitTime({ at, start }: Pick<Hit, "at" | "start">): string {
  return at ? MOMENT.format(new Date(at)) : clock(start * 1000);
}

/** "87 %, 3.1 s". */
export function hitFacts({ score, start, end }: Pick<Hit, "score" | "start" | "end">): string {
  return `${Math.round(score * 100)} %, ${duration(Math.max(0, end - start))}`;
}

/** The camera or video. */
export function hitPlace({ source, video_name, video_id }: Pick<Hit, "source" | "video_name" | "video_id">): string {
  return (source?.startsWith("stream:") ? video_name : source) || video_name || `Video ${video_id.slice(0, 8)}`;
}
