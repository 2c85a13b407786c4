// Videos without a job: uploaded by a program, or by a page that was closed before it started the job, or left when their
// jobs were deleted.
import { signal } from "@preact/signals";
import { api } from "../api/client.ts";
import type { List, Video } from "../api/types.ts";

const SHOWN = 20;
/** Each looks at thousands of videos. */
const MOST_REQUESTS = 10;

export const videosWithoutJob = signal<Video[]>([]);

/** Fetch the newest ones. Throws ApiError. */
export async function findVideosWithoutJob(): Promise<void> {
  const found: Video[] = [];
  let cursor: string | null = null;
  for (let left = MOST_REQUESTS; left > 0 && found.length < SHOWN; left -= 1) {
    const query = { without_job: true, limit: SHOWN, cursor };
    const page: List<Video> = await api.get<List<Video>>("/api/v1/videos", query);
    found.push(...page.items.filter(({ refused }) => !refused));
    cursor = page.next_cursor;
    if (!cursor) break;
  }
  videosWithoutJob.value = found.slice(0, SHOWN);
}

export function markUsed(videoId: string): void {
  videosWithoutJob.value = videosWithoutJob.value.filter(({ id }) => id !== videoId);
}
