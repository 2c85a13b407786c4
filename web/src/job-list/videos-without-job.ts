// Videos that nothing looked through yet: sent by a program, or by a page that was closed just then.
import { signal } from "@preact/signals";
import { api } from "../api/client.ts";
import type { Job, List, Video } from "../api/types.ts";
import { jobs } from "./job-store.ts";

/** Of the newest videos, so many are looked at. */
const LOOKED_AT = 20;

export const jobless = signal<Video[]>([]);

/** Look for them. Throws ApiError. */
export async function findJobless(): Promise<void> {
  const { items } = await api.get<List<Video>>("/api/v1/videos", { limit: LOOKED_AT });
  const used = new Set(jobs.value?.map((job) => job.video_id));
  const candidates = items.filter((video) => !used.has(video.id) && !video.refused);
  const asked = candidates.map(async (video) => {
    const { items: found } = await api.get<List<Job>>("/api/v1/jobs", { video_id: video.id, limit: 1 });
    return found.length ? [] : [video];
  });
  jobless.value = (await Promise.all(asked)).flat();
}

export function used(videoId: string): void {
  jobless.value = jobless.value.filter(({ id }) => id !== videoId);
}
