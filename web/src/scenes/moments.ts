// What happened on a stream, by the wall clock: the clock of a stream begins anew whenever the stream is started. Pure.
import type { SceneEvent } from "../api/track-types.ts";

/** at: milliseconds since 1970. */
export type Moment = SceneEvent & { at: number };

/** The newest moments, of which an event is the first. begun: when the stream was started that the event is of. */
export function withEvent(before: readonly Moment[], event: SceneEvent, begun: string, most: number): Moment[] {
  return [{ ...event, at: Date.parse(begun) + event.time_ms }, ...before].slice(0, most);
}
