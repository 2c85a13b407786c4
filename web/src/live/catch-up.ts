// How a live picture stays close behind its source. Pure; in seconds of the media.

export interface Range {
  start: number;
  end: number;
}

export interface Move {
  rate: number;
  /** Where to jump, null to play on. */
  to: number | null;
}

/** What lies further behind than this is jumped over, as after a sleep of the machine. */
export const JUMP_SECONDS = 1;
const FASTER = 1.08;
const SLOWER = 0.94;
/** So much too late, as after a halt of the browser or the network: caught up with in a second or two, not in four. */
const LATE_SECONDS = 0.12;
const MUCH_FASTER = 1.25;
/** So much too early, as when boxes begin to take longer. */
const MUCH_SECONDS = 0.3;
const MUCH_SLOWER = 0.75;
/** Around the wanted distance nothing is changed. */
const CALM_SECONDS = 0.02;
/** Holes shorter than this are of rounding. */
const HOLE_SECONDS = 0.002;

/**
 * What to do when a frame has come.
 *
 * at: the playing position. newest: start of the newest frame. ranges: what is buffered, in order. behind: how far the
 * picture shall stay behind the newest frame.
 */
export function chase(at: number, newest: number, ranges: readonly Range[], behind: number): Move {
  const last = ranges.at(-1);
  if (!last) return { rate: 1, to: null };
  const goal = Math.max(last.start, Math.min(newest - behind, last.end));
  const inside = ranges.some(({ start, end }) => at >= start - HOLE_SECONDS && at < end + HOLE_SECONDS);
  const atHole = ranges.some(({ end }) => end < last.start && Math.abs(end - at) <= HOLE_SECONDS);
  if (!inside || atHole || newest - at > behind + JUMP_SECONDS) return { rate: 1, to: goal };
  const late = newest - at - behind;
  if (late < -MUCH_SECONDS) return { rate: MUCH_SLOWER, to: null };
  if (late > CALM_SECONDS) return { rate: late > LATE_SECONDS ? MUCH_FASTER : FASTER, to: null };
  return { rate: late < -2 * CALM_SECONDS ? SLOWER : 1, to: null };
}

/**
 * Up to where old media can be removed, null for nothing.
 *
 * Removing goes on to the next keyframe, so that only what lies before a keyframe already passed may go. keys: times of
 * keyframes, rising.
 */
export function removable(at: number, start: number, keys: readonly number[], keep: number): number | null {
  const key = keys.findLast((time) => time <= at - keep);
  return key !== undefined && key - start > keep ? key : null;
}
