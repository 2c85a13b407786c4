// The newest results of a stream, by the time of their frame. Pure.
import type { LiveResult, StreamStats } from "../api/stream-types.ts";
import { type Shown, showing } from "../player/results/frame-lookup.ts";

const KEPT_MS = 20_000;
const MOST = 1500;
/** Boxes of a frame without a result stay no longer than this. */
export const LONGEST_HOLD_MS = 1500;
const USUAL_FPS = 25;

export type LiveShown = Shown & { frame: LiveResult };

export class RecentResults {
  readonly frames: LiveResult[] = [];

  /** Add a result; they may come in another order than that of their times. One from long before the others belongs to
   * a stream that was started anew, whose clock begins at 0 again. */
  add(result: LiveResult): void {
    const { frames } = this;
    if (result.time_ms < (frames.at(-1)?.time_ms ?? 0) - KEPT_MS) this.clear();
    let place = frames.length;
    while (place > 0 && (frames[place - 1] as LiveResult).time_ms > result.time_ms) place -= 1;
    const same = frames[place - 1]?.time_ms === result.time_ms;
    frames.splice(same ? place - 1 : place, same ? 1 : 0, result);
    const newest = (frames.at(-1) as LiveResult).time_ms;
    const old = frames.findIndex((frame) => frame.time_ms >= newest - KEPT_MS);
    frames.splice(0, Math.max(old, frames.length - MOST));
  }

  /** The result whose boxes belong to the picture at `ms`. exact: its own time, which is that of its result. How long a
   * frame lasts is then no measure: a busy camera's frames come at uneven times, and are numbered as they are decoded. */
  showing(ms: number, exact: boolean, stats: Pick<StreamStats, "fps_in" | "fps_out"> | null): LiveShown | null {
    const { fps_in = 0, fps_out = 0 } = stats ?? {};
    const frameMs = 1000 / (fps_in || USUAL_FPS);
    const gapMs = Math.min(LONGEST_HOLD_MS, fps_out > 0 ? 1000 / fps_out : 2 * frameMs);
    return showing(this.frames, ms, { frameMs: exact ? 0 : frameMs, gapMs }, exact) as LiveShown | null;
  }

  clear(): void {
    this.frames.length = 0;
  }
}
