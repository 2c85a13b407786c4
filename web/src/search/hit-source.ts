// The hits of a search, page by page; late answers never replace newer ones.
import { signal } from "@preact/signals";
import { api, type Params } from "../api/client.ts";
import { explain } from "../api/errors.ts";
import type { Hit, HitPage } from "../api/track-types.ts";

const PAGE = 100;

export class HitSource {
  /** Null until the first page is there. */
  readonly hits = signal<Hit[] | null>(null);
  readonly problem = signal<string | null>(null);
  readonly loading = signal(false);
  /** Whether there may be more. */
  readonly more = signal(false);
  /** What was asked last, and how far the page was scrolled then; for coming back. */
  asked = "";
  scrolled = 0;
  #params: Params = {};
  #next: string | null = null;
  #controller = new AbortController();

  /** Search anew, unless just this is shown. */
  ask(params: Params, again = false): void {
    const key = JSON.stringify(params);
    if (key === this.asked && !again) return;
    this.asked = key;
    this.#params = params;
    this.#next = null;
    this.scrolled = 0;
    this.hits.value = null;
    this.more.value = false;
    void this.#fetch();
  }

  /** Load the next page, unless one is being loaded. */
  showMore(): void {
    if (!this.loading.peek() && (this.more.peek() || this.problem.peek())) void this.#fetch();
  }

  async #fetch(): Promise<void> {
    this.#controller.abort();
    const controller = new AbortController();
    this.#controller = controller;
    this.loading.value = true;
    this.problem.value = null;
    try {
      const before = this.hits.peek()?.length ?? 0;
      // A page may be empty though there are more: only so much is looked at for each.
      do {
        const query = { ...this.#params, limit: PAGE, cursor: this.#next };
        const page = await api.get<HitPage>("/api/v1/search", query, controller.signal);
        if (controller.signal.aborted) return;
        this.hits.value = [...(this.hits.peek() ?? []), ...page.hits];
        this.#next = page.next_cursor;
      } while (this.#next !== null && this.hits.peek()?.length === before);
      this.more.value = this.#next !== null;
    } catch (error) {
      if (!controller.signal.aborted) this.problem.value = explain(error);
    } finally {
      if (this.#controller === controller) this.loading.value = false;
    }
  }
}

/** Kept over other pages, so that the way back leads to the same place. */
export const hitSource = new HitSource();
