// Lookup of the result frame for a time of the video, and seek targets for other frames. Pure.
import type { Frame } from "../../api/types.ts";

/** Tolerance between times of browser and results, which are rounded independently (ms). */
export const SAME_MS = 1;

/**
 * Frame duration (0: unknown, pictures have exactly their frame's time), and the interval of sampled frames (null: every
 * frame was processed).
 */
export interface Rhythm {
  frameMs: number;
  gapMs: number | null;
}

/** A frame to show; held: an earlier sampled frame whose boxes stay until the next one. */
export interface Shown {
  frame: Frame;
  held: boolean;
}

/** Index of the last frame that starts at or before `ms`, or -1. `frames` are sorted by time. */
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

/** Display duration of frame `index`: until the next frame if known, else the frame duration (ms). */
export function durationOf(frames: readonly Frame[], index: number, frameMs: number): number {
  const frame = frames[index] as Frame;
  const next = frames[index + 1];
  return next && next.frame === frame.frame + 1 ? next.time_ms - frame.time_ms : frameMs;
}

/**
 * The frame whose boxes belong to the picture at `ms`, or null.
 *
 * `exact`: `ms` is the time of a picture from requestVideoFrameCallback, so other frames are at least half a duration
 * away. Otherwise it is a playback time, anywhere within the frame.
 */
export function showing(frames: readonly Frame[], ms: number, rhythm: Rhythm, exact: boolean): Shown | null {
  const index = indexAt(frames, ms);
  if (index < 0) return null;
  const frame = frames[index] as Frame;
  const since = ms - frame.time_ms;
  const length = rhythm.frameMs && durationOf(frames, index, rhythm.frameMs);
  if (since < Math.max(SAME_MS, exact ? length / 2 : length)) return { frame, held: false };
  const next = frames[index + 1];
  const until = next ? next.time_ms - frame.time_ms : (rhythm.gapMs ?? 0);
  if (rhythm.gapMs !== null && since < Math.min(until, 1.5 * rhythm.gapMs)) return { frame, held: true };
  return null;
}

/** A time in the middle of frame `index`, since a seek to its start may show the previous one (ms). */
export function middleOf(frames: readonly Frame[], index: number, frameMs: number): number {
  const frame = frames[index] as Frame;
  const next = frames[index + 1];
  const length = durationOf(frames, index, frameMs);
  return frame.time_ms + Math.min(length, next ? next.time_ms - frame.time_ms : length) / 2;
}

/** Seek target for the frame after (1) or before (-1) the one at `ms`; null if unknown (ms). */
export function stepFrom(frames: readonly Frame[], ms: number, direction: 1 | -1, rhythm: Rhythm): number | null {
  const now = indexAt(frames, ms);
  const current = frames[now];
  // Between two sampled frames, the previous one is the held one.
  const between = current && ms - current.time_ms >= durationOf(frames, now, rhythm.frameMs);
  const target = direction === 1 ? now + 1 : between ? now : now - 1;
  const frame = frames[target];
  if (!frame) return null;
  const reach = Math.max(3 * rhythm.frameMs, 2 * (rhythm.gapMs ?? 0), 1000);
  return Math.abs(frame.time_ms - ms) <= reach ? middleOf(frames, target, rhythm.frameMs) : null;
}

/**
 * Offset from the browser's times to those of the results (ms).
 *
 * Results have the times of the container. Chromium uses them too, even if the first one is not 0; other browsers start
 * at 0. `firstShownMs`: time of the first displayed picture; `frames`: the first results. A browser that skips pictures
 * before 0 displays one of these frames, so this case is checked first.
 */
export function offsetOf(firstShownMs: number, frames: readonly Frame[]): number {
  const first = frames[0];
  if (!first || frames.some((frame) => Math.abs(frame.time_ms - firstShownMs) <= 2 * SAME_MS)) return 0;
  return first.frame === 0 && firstShownMs < first.time_ms ? first.time_ms - firstShownMs : 0;
}

/** Frame duration and sampling interval of a job, from the video's metadata and the job's options. */
export function rhythmOf(fps: number, everyN: number | null, sampleFps: number | null): Rhythm {
  const frameMs = fps > 0 ? 1000 / fps : 40;
  if (everyN && everyN > 1) return { frameMs, gapMs: everyN * frameMs };
  if (sampleFps && 1000 / sampleFps > 1.5 * frameMs) return { frameMs, gapMs: 1000 / sampleFps };
  return { frameMs, gapMs: null };
}
