// Chosen hits, and the pieces of a reel. Pure.
import type { Hit } from "../api/track-types.ts";
import { around, MOST_MS } from "../job/clip-part.ts";

type Piece = Pick<Hit, "video_id" | "from_ms" | "to_ms">;
type Chosen = Pick<Hit, "job_id" | "track">;

/** The service makes no reel of more. */
export const MOST_PIECES = 200;

export function keyOf({ job_id, track }: Chosen): string {
  return `${job_id} ${track}`;
}

/** With a hit, or without it where it was there, in the order of choosing. */
export function toggled<H extends Chosen>(chosen: ReadonlyMap<string, H>, hit: H): ReadonlyMap<string, H> {
  const next = new Map(chosen);
  if (!next.delete(keyOf(hit))) next.set(keyOf(hit), hit);
  return next;
}

/** The body of POST /videos/{id}/clips for a hit, with a second before and after; the service ends it with the video. */
export function clipOf(hit: Omit<Piece, "video_id">): { from_ms: number; to_ms: number; exact: boolean } {
  const { from, to } = around(hit, Number.POSITIVE_INFINITY);
  const from_ms = Math.floor(from);
  return { from_ms, to_ms: Math.min(Math.ceil(to), from_ms + MOST_MS), exact: false };
}

/** The body of POST /reels. */
export function reelOf(hits: Iterable<Piece>): { pieces: Piece[] } {
  const pieces = [...hits].map(({ video_id, from_ms, to_ms }) => ({ video_id, from_ms, to_ms }));
  return { pieces };
}
