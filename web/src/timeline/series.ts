// Loads the series of a view once the view stops changing; late responses never replace newer ones.
import { signal } from "@preact/signals";
import { api } from "../api/client.ts";
import { explain } from "../api/errors.ts";
import type { Series } from "../api/types.ts";

export interface Question {
  /** Null for the whole video. */
  from: number | null;
  to: number | null;
  buckets: number;
  minScore: number | null;
}

const REST_MS = 150;

export class SeriesSource {
  readonly series = signal<Series | null>(null);
  /** The query of the loaded series. */
  answered: Question | null = null;
  readonly loading = signal(false);
  readonly problem = signal<string | null>(null);
  readonly #path: string;
  #asked = "";
  #timer: ReturnType<typeof setTimeout> | undefined;
  #controller = new AbortController();

  constructor(job: string) {
    this.#path = `/api/v1/jobs/${job}/series`;
  }

  /** Load the series of this view soon. `again`: also if it is loaded, since the job has progressed. */
  want(question: Question, again = false): void {
    const key = JSON.stringify(question);
    if (key === this.#asked && !again) return;
    const first = this.#asked === "";
    this.#asked = key;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#fetch(question), first ? 0 : REST_MS);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#controller.abort();
  }

  async #fetch(question: Question): Promise<void> {
    this.#controller.abort();
    const controller = new AbortController();
    this.#controller = controller;
    this.loading.value = true;
    try {
      const parameters = {
        buckets: question.buckets,
        from_ms: question.from,
        to_ms: question.to,
        min_score: question.minScore,
      };
      const series = await api.get<Series>(this.#path, parameters, controller.signal);
      if (controller.signal.aborted) return;
      this.answered = question;
      this.series.value = series;
      this.problem.value = null;
    } catch (error) {
      if (controller.signal.aborted) return;
      this.#asked = "-";
      this.problem.value = explain(error);
    } finally {
      if (this.#controller === controller) this.loading.value = false;
    }
  }
}
