// What is needed to show frames of a video: a file that the browser can seek in, its poster, its size.
import { api } from "../api/client.ts";
import type { Rendition, Video } from "../api/types.ts";
import { mayPlay } from "../player/playback/playable.ts";
import type { Size } from "./crop.ts";

export interface Footage {
  /** The original file or a playable copy; null where the browser can play neither. */
  url: string | null;
  poster: string | null;
  size: Size;
  fps: number;
}

const known = new Map<string, Promise<Footage>>();
/** Maximum number of videos that are remembered. */
const MOST = 500;

/** The footage of a video by its id. Throws ApiError. */
export function footageOf(video: string): Promise<Footage> {
  const found = known.get(video) ?? look(video);
  if (known.size >= MOST) known.clear();
  known.set(video, found);
  // What failed, or may come later, is asked for again.
  found.then(({ url }) => url ?? known.delete(video)).catch(() => known.delete(video));
  return found;
}

async function look(id: string): Promise<Footage> {
  const { media, links } = await api.get<Video>(`/api/v1/videos/${id}`);
  const plays = mayPlay(media, (type) => document.createElement("video").canPlayType(type));
  return {
    url: plays ? `/api/v1/videos/${id}/content` : await copyOf(id),
    poster: links.poster ?? null,
    size: { width: media?.width ?? 16, height: media?.height ?? 9 },
    fps: media?.fps || 25,
  };
}

/** The playable copy if there is one; none is requested. */
async function copyOf(id: string): Promise<string | null> {
  const copy = await api.get<Rendition>(`/api/v1/videos/${id}/renditions/playable`).catch(() => null);
  return copy?.state === "ready" ? copy.links.content : null;
}
