// The part of a video that a clip shows. Pure; times in ms.
import { parseClock } from "../lib/time-format.ts";

const MARGIN_MS = 1000;
/** The service makes no longer clip. */
export const MOST_MS = 3_600_000;

/** A track with a second around it, within the video. */
export function around(
  { from_ms, to_ms }: { from_ms: number; to_ms: number },
  end: number,
): { from: number; to: number } {
  return {
    from: Math.max(0, from_ms - MARGIN_MS),
    to: Math.max(from_ms + MARGIN_MS, Math.min(end, to_ms + MARGIN_MS)),
  };
}

/** The part between two typed times, or what is wrong with them. An empty one is the beginning or the end of the video. */
export function partOf(
  from: string,
  to: string,
  start: number,
  end: number,
): { from_ms: number; to_ms: number } | string {
  const from_ms = from.trim() ? parseClock(from) : start;
  const to_ms = to.trim() ? parseClock(to) : end;
  if (from_ms === null || to_ms === null) return "Enter times such as 0:12.5 and 0:20.";
  if (to_ms <= from_ms) return "The clip ends before it begins: enter a later end.";
  if (to_ms - from_ms > MOST_MS) return "A clip has at most an hour.";
  return { from_ms, to_ms };
}
