// Videos that no job has processed yet: uploaded by a program, or by a page that was closed before it started the job.
import { signal } from "@preact/signals";
import { api } from "../api/client.ts";
import type { Job, List, Video } from "../api/types.ts";
import { jobs } from "./job-store.ts";

/** How many of the newest videos are checked. */
const CHECKED = 20;

export const videosWithoutJob = signal<Video[]>([]);

/** Fetch them. Throws ApiError. */
export async function findVideosWithoutJob(): Promise<void> {
  const { items } = await api.get<List<Video>>("/api/v1/videos", { limit: CHECKED });
  const used = new Set(jobs.value?.map((job) => job.video_id));
  const candidates = items.filter((video) => !used.has(video.id) && !video.refused);
  const asked = candidates.map(async (video) => {
    const { items: found } = await api.get<List<Job>>("/api/v1/jobs", { video_id: video.id, limit: 1 });
    return found.length ? [] : [video];
  });
  videosWithoutJob.value = (await Promise.all(asked)).flat();
}

export function markUsed(videoId: string): void {
  videosWithoutJob.value = videosWithoutJob.value.filter(({ id }) => id !== videoId);
}
