// Tracks in words, and the filter of their list. Pure.
import type { Track } from "../api/track-types.ts";
import { clock, duration } from "../lib/time-format.ts";

/** Lengths to choose from (s); 0: any. */
export const LENGTHS = [0, 0.5, 1, 2, 5, 10, 30, 60] as const;

/** The least number of frames of a track of that length; stepMs: from one processed frame to the next. */
export function framesIn(seconds: number, stepMs: number): number | null {
  return seconds > 0 ? Math.max(1, Math.ceil((seconds * 1000) / stepMs)) : null;
}

export function trackName({ label, id }: Pick<Track, "label" | "id">): string {
  return `${label} ${id}`;
}

/** "0:04.2, 3.1 s, 87 %": start, length, best score. */
export function trackFacts({ from_ms, to_ms, score }: Pick<Track, "from_ms" | "to_ms" | "score">): string {
  return `${clock(from_ms, 1)}, ${duration(Math.max(0, to_ms - from_ms) / 1000)}, ${Math.round(score * 100)} %`;
}
