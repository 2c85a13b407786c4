// A job that is kept up to date while the page shows it.
import { type Signal, signal } from "@preact/signals";
import { api } from "../api/client.ts";
import { backoff, pause } from "../api/connection.ts";
import { ApiError, explain, passes } from "../api/errors.ts";
import { listen } from "../api/event-stream.ts";
import type { Job } from "../api/types.ts";

export class LiveJob {
  readonly job: Signal<Job | null> = signal(null);
  /** Why the job cannot be shown, or not any more. What is known of a job is shown while it cannot be loaded again. */
  readonly problem = signal<ApiError | null>(null);
  readonly #path: string;
  readonly #controller = new AbortController();
  readonly #stop: () => void;

  constructor(id: string) {
    this.#path = `/api/v1/jobs/${id}`;
    this.#stop = listen({
      job: (job) => {
        if (job.id === id) this.take(job);
      },
      gone: (gone) => {
        if (gone !== id) return;
        this.close(); // an answer from before comes too late
        this.problem.value = new ApiError(404, "not_found", "The job was deleted.");
      },
      poll: this.look,
    });
    void this.#begin();
  }

  /** A newer state of the job. */
  take(job: Job): void {
    this.job.value = job;
    this.problem.value = null;
  }

  close(): void {
    this.#stop();
    this.#controller.abort();
  }

  /** Retry until the job is loaded or known to be missing. */
  async #begin(): Promise<void> {
    const { signal } = this.#controller;
    for (let tries = 1; !signal.aborted && !this.job.value; tries += 1) {
      await this.look();
      if (!this.problem.value || !passes(this.problem.value)) return;
      await pause(backoff(tries), signal);
    }
  }

  /** Load the job again. */
  readonly look = async (): Promise<void> => {
    try {
      this.take(await api.get<Job>(this.#path, {}, this.#controller.signal));
    } catch (error) {
      if (this.#controller.signal.aborted) return;
      const problem = error instanceof ApiError ? error : new ApiError(0, "error", explain(error));
      if (!this.job.value || problem.status === 404) this.problem.value = problem;
    }
  };
}
