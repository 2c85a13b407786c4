// The tracks of a job that match a filter, page by page; late answers never replace newer ones.
import { signal } from "@preact/signals";
import { api, type Params } from "../api/client.ts";
import { explain } from "../api/errors.ts";
import type { Track, TrackPage } from "../api/track-types.ts";

export interface TrackFilter {
  label: string | null;
  minFrames: number | null;
}

const PAGE = 24;
/** Tolerance of rounded times. */
const AROUND_MS = 100;

export class TrackSource {
  /** Null while the first page loads. */
  readonly tracks = signal<Track[] | null>(null);
  readonly problem = signal<string | null>(null);
  readonly loading = signal(false);
  readonly more = signal(false);
  readonly #path: string;
  #filter: TrackFilter = { label: null, minFrames: null };
  #next: string | null = null;
  #controller = new AbortController();

  constructor(job: string) {
    this.#path = `/api/v1/jobs/${job}/tracks`;
  }

  /** Load the first page of a filter. */
  ask(filter: TrackFilter): Promise<void> {
    this.#filter = filter;
    this.#next = null;
    return this.#fetch([]);
  }

  /** Load the next page too. */
  showMore(): Promise<void> {
    return this.#fetch(this.tracks.peek() ?? []);
  }

  close(): void {
    this.#controller.abort();
  }

  async #fetch(before: Track[]): Promise<void> {
    this.#controller.abort();
    const controller = new AbortController();
    this.#controller = controller;
    this.loading.value = true;
    const { label, minFrames } = this.#filter;
    try {
      const query = { label, min_frames: minFrames, limit: PAGE, cursor: this.#next };
      const page = await api.get<TrackPage>(this.#path, query, controller.signal);
      if (controller.signal.aborted) return;
      this.tracks.value = [...before, ...page.tracks];
      this.#next = page.next_cursor;
      this.more.value = page.next_cursor !== null;
      this.problem.value = null;
    } catch (error) {
      if (!controller.signal.aborted) this.problem.value = explain(error);
    } finally {
      if (this.#controller === controller) this.loading.value = false;
    }
  }
}

/** A track by its id and a time at which it is there (s); null where it cannot be had. */
export async function findTrack(job: string, id: number, ms: number): Promise<Track | null> {
  let cursor: string | null = null;
  do {
    const query: Params = { from_ms: ms - AROUND_MS, to_ms: ms + AROUND_MS, limit: 1000, cursor };
    const page: TrackPage | null = await api.get<TrackPage>(`/api/v1/jobs/${job}/tracks`, query).catch(() => null);
    const found = page?.tracks.find((track) => track.id === id);
    if (found) return found;
    cursor = page?.next_cursor ?? null;
  } while (cursor !== null);
  return null;
}
