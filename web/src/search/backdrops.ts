// The pictures that the area of a search can be drawn on. Pure.
import type { Stream } from "../api/stream-types.ts";
import type { Hit } from "../api/track-types.ts";
import { hitPlace } from "./hit-text.ts";
import type { Query } from "./query.ts";

/** A frame of a video, or the running picture of a stream. */
export interface Backdrop {
  name: string;
  of: { video: string } | { stream: string };
}

type Seen = Pick<Hit, "video_id" | "video_name" | "source">;

const MOST = 40;

/** Those of the chosen video or camera first, then one of each place that was found, then the cameras that run. */
export function backdrops(
  { video, stream }: Pick<Query, "video" | "stream">,
  streams: readonly Pick<Stream, "id" | "name" | "wanted">[],
  hits: readonly Seen[],
): Backdrop[] {
  const names = new Map(streams.map(({ id, name }) => [`stream:${id}`, name]));
  const placeOf = (hit: Seen) => names.get(hit.source ?? "") ?? hitPlace(hit);
  const chosen = hits.find(({ video_id }) => video_id === video);
  const found = new Map<string, Backdrop>();
  const add = (backdrop: Backdrop) => found.has(backdrop.name) || found.set(backdrop.name, backdrop);
  if (video) add({ name: chosen ? placeOf(chosen) : "The chosen video", of: { video } });
  for (const hit of hits) if (found.size < MOST) add({ name: placeOf(hit), of: { video: hit.video_id } });
  const running = streams.filter(({ id, wanted }) => wanted === "running" && (!stream || id === stream));
  for (const { id, name } of running) if (found.size < MOST) add({ name, of: { stream: id } });
  return [...found.values()];
}
