// The newest results of a stream, by the time of their frame.
import type { LiveResult } from "../api/stream-types.ts";

const KEPT_MS = 20_000;
const MOST = 1500;

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

  clear(): void {
    this.frames.length = 0;
  }
}
