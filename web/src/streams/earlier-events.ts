// The events of a scene on a stream that happened before the page was opened.
import { api } from "../api/client.ts";
import type { EventPage, SceneEvent } from "../api/track-types.ts";

const PAGE = 1000;
const MOST_PAGES = 20;
/** An event is listed when none can come before it any more: some seconds after it was told. */
const SETTLED_MS = 5000;

/** Give the last events of the results that are kept, and once more those that are listed late. */
export async function loadEarlier(
  stream: string,
  scene: string,
  most: number,
  take: (events: SceneEvent[]) => void,
  signal: AbortSignal,
): Promise<void> {
  const first = await newest(stream, scene, null, most, signal);
  take(first.events);
  await new Promise((done) => setTimeout(done, SETTLED_MS));
  if (signal.aborted) return;
  take((await newest(stream, scene, first.next_cursor, most, signal)).events);
}

/** The last events after a cursor, and the cursor behind them. */
async function newest(
  stream: string,
  scene: string,
  cursor: string | null,
  most: number,
  signal: AbortSignal,
): Promise<EventPage> {
  const path = `/api/v1/streams/${stream}/scenes/${scene}/events`;
  let found: EventPage = { events: [], next_cursor: cursor };
  for (let pages = 0; pages < MOST_PAGES; pages++) {
    const page = await api.get<EventPage>(path, { limit: PAGE, cursor: found.next_cursor }, signal);
    found = { events: [...found.events, ...page.events].slice(-most), next_cursor: page.next_cursor };
    if (page.events.length < PAGE) break;
  }
  return found;
}
