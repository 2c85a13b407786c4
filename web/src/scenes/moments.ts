// What happened on a stream, by the wall clock: the clock of a stream begins anew whenever the stream is started. Pure.
import type { SceneEvent } from "../api/track-types.ts";

/** at: milliseconds since 1970. */
export type Moment = SceneEvent & { at: number };

/** The same for the same event, from wherever it is known. */
export function momentKey({ type, track, at, zone, line, direction }: Moment): string {
  return [type, track, Math.round(at), zone ?? "", line ?? "", direction ?? ""].join(" ");
}

/** The newest moments, the latest first, with events that may be among them. begun: when the stream was started that the
 * events are of. */
export function withEvents(
  before: readonly Moment[],
  events: readonly SceneEvent[],
  begun: string,
  most: number,
): Moment[] {
  const from = Date.parse(begun);
  const known = new Set(before.map(momentKey));
  const moments = events.map((event) => ({ ...event, at: from + event.time_ms }));
  const fresh = moments.filter((moment) => !known.has(momentKey(moment))).reverse();
  return [...fresh, ...before].sort((a, b) => b.at - a.at).slice(0, most);
}
