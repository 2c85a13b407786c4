// The events of a scene on a stream that happened before the page was opened.
import { ApiError } from "../api/errors.ts";
import type { EventPage, SceneEvent } from "../api/track-types.ts";

/** Events of a page, where there are so many. */
export const PAGE = 1000;
const MOST_PAGES = 20;
/** An event is listed when none can come before it any more: some seconds after it was told. */
const SETTLED_MS = 5000;

/** Gives the page after a cursor, or the first one. */
type Load = (cursor: string | null) => Promise<EventPage>;

/** Give the last events of the results that are kept, and once more those that are listed late. */
export async function loadEarlier(
  load: Load,
  most: number,
  take: (events: SceneEvent[]) => void,
  signal: AbortSignal,
): Promise<void> {
  const first = await newest(load, null, most);
  take(first.events);
  await new Promise((done) => setTimeout(done, SETTLED_MS));
  if (signal.aborted) return;
  take((await newest(load, first.next_cursor, most)).events);
}

/** The last events after a cursor, and the cursor behind them: all of them where the stream was started anew, whose
 * cursors of before are invalid. */
async function newest(load: Load, cursor: string | null, most: number): Promise<EventPage> {
  try {
    return await lastOf(load, cursor, most);
  } catch (error) {
    if (error instanceof ApiError && error.code === "invalid_cursor") return lastOf(load, null, most);
    throw error;
  }
}

async function lastOf(load: Load, cursor: string | null, most: number): Promise<EventPage> {
  let found: EventPage = { events: [], next_cursor: cursor };
  for (let pages = 0; pages < MOST_PAGES; pages++) {
    const page = await load(found.next_cursor);
    found = { events: [...found.events, ...page.events].slice(-most), next_cursor: page.next_cursor };
    if (page.events.length < PAGE) break;
  }
  return found;
}
