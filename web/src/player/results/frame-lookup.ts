// Which frame of the results belongs to a time of the video, and where to seek for another one. Pure.
import type { Frame } from "../../api/types.ts";

/** Times of browsers and of results are rounded on their own: this far apart they are still the same (ms). */
export const SAME_MS = 1;

/** How frames lie in time: the length of one, and the distance of sampled ones (null: each was looked at). */
export interface Rhythm {
  frameMs: number;
  gapMs: number | null;
}

/** A frame to show; held: an earlier one, whose boxes stay until the next that was looked at. */
export interface Shown {
  frame: Frame;
  held: boolean;
}

/** Index of the last frame that begins at or before `ms`, -1 when all begin later. `frames` rise in time. */
export function indexAt(frames: readonly Frame[], ms: number): number {
  let low = 0;
  let high = frames.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((frames[middle] as Frame).time_ms <= ms + SAME_MS) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** How long frame `index` is on the screen: to the next one where that is known, else the usual time (ms). */
export function durationOf(frames: readonly Frame[], index: number, frameMs: number): number {
  const frame = frames[index] as Frame;
  const next = frames[index + 1];
  return next && next.frame === frame.frame + 1 ? next.time_ms - frame.time_ms : frameMs;
}

/**
 * The frame whose boxes belong to the picture at `ms`, null when there is none.
 *
 * `exact`: `ms` is the time of a picture, as requestVideoFrameCallback tells it, so that another frame is at least
 * half a duration away. Otherwise it is a time of the clock, anywhere within the frame.
 */
export function showing(frames: readonly Frame[], ms: number, rhythm: Rhythm, exact: boolean): Shown | null {
  const index = indexAt(frames, ms);
  if (index < 0) return null;
  const frame = frames[index] as Frame;
  const since = ms - frame.time_ms;
  const length = durationOf(frames, index, rhythm.frameMs);
  if (since < Math.max(SAME_MS, exact ? length / 2 : length)) return { frame, held: false };
  const next = frames[index + 1];
  const until = next ? next.time_ms - frame.time_ms : (rhythm.gapMs ?? 0);
  if (rhythm.gapMs !== null && since < Math.min(until, 1.5 * rhythm.gapMs)) return { frame, held: true };
  return null;
}

/** A time well inside frame `index`: a seek to its edge may show its neighbour (ms). */
export function middleOf(frames: readonly Frame[], index: number, frameMs: number): number {
  const frame = frames[index] as Frame;
  const next = frames[index + 1];
  const length = durationOf(frames, index, frameMs);
  return frame.time_ms + Math.min(length, next ? next.time_ms - frame.time_ms : length) / 2;
}

/** Where to seek for the frame after (1) or before (-1) the one at `ms`; null when the results do not say (ms). */
export function stepFrom(frames: readonly Frame[], ms: number, direction: 1 | -1, rhythm: Rhythm): number | null {
  const now = indexAt(frames, ms);
  const current = frames[now];
  // Between two sampled frames, back is to the one that is held.
  const between = current && ms - current.time_ms >= durationOf(frames, now, rhythm.frameMs);
  const target = direction === 1 ? now + 1 : between ? now : now - 1;
  const frame = frames[target];
  if (!frame) return null;
  const reach = Math.max(3 * rhythm.frameMs, 2 * (rhythm.gapMs ?? 0), 1000);
  return Math.abs(frame.time_ms - ms) <= reach ? middleOf(frames, target, rhythm.frameMs) : null;
}

/**
 * What to add to a browser's times to get the results' times (ms).
 *
 * Results have the container's own times. Chromium has them too, also where the first is not 0; other browsers begin
 * at 0 then. `firstShownMs` is the time of the first picture that the browser showed, `frames` the first results.
 * A browser that leaves pictures before 0 out shows one that is among the frames, so that is looked at first.
 */
export function offsetOf(firstShownMs: number, frames: readonly Frame[]): number {
  const first = frames[0];
  if (!first || frames.some((frame) => Math.abs(frame.time_ms - firstShownMs) <= 2 * SAME_MS)) return 0;
  return first.frame === 0 && firstShownMs < first.time_ms ? first.time_ms - firstShownMs : 0;
}

/** How frames of a job lie in time, from the video's facts and the job's sampling. */
export function rhythmOf(fps: number, everyN: number | null, sampleFps: number | null): Rhythm {
  const frameMs = fps > 0 ? 1000 / fps : 40;
  if (everyN && everyN > 1) return { frameMs, gapMs: everyN * frameMs };
  if (sampleFps && 1000 / sampleFps > 1.5 * frameMs) return { frameMs, gapMs: 1000 / sampleFps };
  return { frameMs, gapMs: null };
}
