// The streams of the user, kept up to date while the page shows them.
import { signal } from "@preact/signals";
import { api } from "../api/client.ts";
import { explain } from "../api/errors.ts";
import type { Stream, StreamBody } from "../api/stream-types.ts";
import type { List } from "../api/types.ts";

const PATH = "/api/v1/streams";
const POLL_MS = 5000;
const MOST = 100;

/** Newest first; null: not known yet. */
export const streams = signal<Stream[] | null>(null);
export const streamsProblem = signal("");

let asked = 0;

export async function loadStreams(): Promise<void> {
  asked += 1;
  const own = asked;
  try {
    const { items } = await api.get<List<Stream>>(PATH, { limit: MOST });
    if (own !== asked) return;
    streams.value = items;
    streamsProblem.value = "";
  } catch (error) {
    if (own === asked) streamsProblem.value = explain(error);
  }
}

/** Load them now and every few seconds while the page is in front; the returned function ends it. */
export function followStreams(): () => void {
  void loadStreams();
  const again = () => void (document.hidden || loadStreams());
  const timer = setInterval(again, POLL_MS);
  document.addEventListener("visibilitychange", again);
  return () => {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", again);
  };
}

function take(stream: Stream): Stream {
  asked += 1; // an older answer does not replace it
  const known = streams.value ?? [];
  const place = known.findIndex(({ id }) => id === stream.id);
  streams.value = place < 0 ? [stream, ...known] : known.with(place, stream);
  return stream;
}

export const addStream = async (body: StreamBody): Promise<Stream> => take(await api.post<Stream>(PATH, body));

export const changeStream = async (id: string, body: StreamBody): Promise<Stream> =>
  take(await api.patch<Stream>(`${PATH}/${id}`, body));

export const startStream = async (id: string): Promise<Stream> => take(await api.post<Stream>(`${PATH}/${id}/start`));

export const stopStream = async (id: string): Promise<Stream> => take(await api.post<Stream>(`${PATH}/${id}/stop`));

export async function deleteStream(id: string): Promise<void> {
  await api.del(`${PATH}/${id}`);
  asked += 1;
  streams.value = streams.value?.filter((stream) => stream.id !== id) ?? null;
}
