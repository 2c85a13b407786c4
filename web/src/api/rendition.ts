// A rendition that the service makes on demand: requested, followed, ready.
import { signal } from "@preact/signals";
import { api } from "./client.ts";
import { ApiError, explain, passes } from "./errors.ts";
import { listen } from "./event-stream.ts";
import type { Rendition } from "./types.ts";

const POLL_MS = 2000;

export type RenditionBody = { min_score?: number; labels?: string[] };

/** `path` of the rendition, as /api/v1/jobs/{id}/renditions/annotated, or of the list in which it is made. */
export class RenditionRequest {
  readonly path: string;
  /** Its newest state; null before it is known or requested. */
  readonly state = signal<Rendition | null>(null);
  /** Why the request failed, and what to do. */
  readonly problem = signal<string | null>(null);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  readonly #stop: () => void;

  constructor(path: string) {
    this.path = path;
    this.#stop = listen({
      rendition: (rendition) => {
        if (rendition.id === this.state.peek()?.id) this.#hold(rendition);
      },
    });
  }

  /** Request it, also again after a failure or with other options. */
  async ask(body: RenditionBody = {}): Promise<void> {
    await this.make(() => api.put<Rendition>(this.path, body));
  }

  /** Request it, and where there is one, have it made anew. */
  async askAnew(body: RenditionBody = {}): Promise<void> {
    await this.make(async () => {
      if (this.state.peek()?.state === "ready") await api.del(this.path).catch(unlessMissing);
      return api.put<Rendition>(this.path, body);
    });
  }

  /** Request it in another way, and follow what that gives. */
  async make(create: () => Promise<Rendition>): Promise<void> {
    await this.#try(async () => {
      this.#hold(await create());
    });
  }

  /** Fetch its state, if it exists. */
  async look(): Promise<void> {
    await this.#try(async () => {
      this.#hold(await api.get<Rendition>(this.state.peek()?.links.self ?? this.path));
    });
  }

  close(): void {
    this.#closed = true;
    this.#stop();
    clearTimeout(this.#timer);
  }

  async #try(act: () => Promise<void>): Promise<void> {
    try {
      await act();
      this.problem.value = null;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404 && !this.state.value) return;
      const waits = this.state.value && (this.state.value.state === "queued" || this.state.value.state === "running");
      // The service goes on meanwhile: ask again later.
      if (waits && error instanceof ApiError && passes(error)) this.#later();
      this.problem.value = explain(error);
    }
  }

  #hold(rendition: Rendition): void {
    this.state.value = rendition;
    if (rendition.state === "queued" || rendition.state === "running") this.#later();
  }

  #later(): void {
    clearTimeout(this.#timer);
    if (!this.#closed) this.#timer = setTimeout(() => void this.look(), POLL_MS);
  }
}

/** Throws any other error than that there is none. */
function unlessMissing(error: unknown): void {
  if (!(error instanceof ApiError && error.status === 404)) throw error;
}
