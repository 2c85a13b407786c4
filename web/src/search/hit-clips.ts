// Clips of hits: made at a click, and followed as long as the search is open, also where their hit is scrolled away.
import { signal } from "@preact/signals";
import { api } from "../api/client.ts";
import { RenditionRequest } from "../api/rendition.ts";
import type { Hit } from "../api/track-types.ts";
import type { Rendition } from "../api/types.ts";
import { clipOf, keyOf } from "./pieces.ts";

export const hitClips = signal<ReadonlyMap<string, RenditionRequest>>(new Map());

/** Have the clip of a hit made, again where it failed. */
export function saveHit(hit: Hit): void {
  const path = `/api/v1/videos/${hit.video_id}/clips`;
  const clip = hitClips.peek().get(keyOf(hit)) ?? new RenditionRequest(path);
  hitClips.value = new Map(hitClips.peek()).set(keyOf(hit), clip);
  void clip.make(() => api.post<Rendition>(path, clipOf(hit)));
}

export function closeHitClips(): void {
  for (const clip of hitClips.peek().values()) clip.close();
  hitClips.value = new Map();
}
