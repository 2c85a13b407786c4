// The recording of a moment of a stream.
import { api } from "../api/client.ts";
import type { Recording } from "../api/stream-types.ts";
import type { List } from "../api/types.ts";
import { recordingLink } from "./recording-link.ts";

const PAGE = 100;

/** The player at a moment (ms since 1970), where a recording of the stream has it and its results. Throws ApiError. */
export async function findRecording(stream: string, moment: number): Promise<string | null> {
  const path = `/api/v1/streams/${stream}/recordings`;
  for (let cursor: string | null = null, more = true; more; ) {
    const page: List<Recording> = await api.get<List<Recording>>(path, { limit: PAGE, cursor });
    const link = recordingLink(page.items, moment);
    if (link) return link;
    const last = page.items.at(-1);
    cursor = page.next_cursor;
    // Newest first: what follows ended before.
    more = cursor !== null && last !== undefined && Date.parse(last.started_at) > moment;
  }
  return null;
}
