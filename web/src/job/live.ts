// A job that is kept as it is on the service, for as long as somebody looks.
import { type Signal, signal } from "@preact/signals";
import { ApiError, api } from "../lib/api.ts";
import { ENDED, type Job } from "../lib/types.ts";

const POLL_MS = 1000;
const RETRY_MS = 3000;

export class LiveJob {
  readonly job: Signal<Job | null> = signal(null);
  /** Why there is no job to show, or why it may be an old state of it. */
  readonly problem = signal<ApiError | null>(null);
  readonly #path: string;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #controller = new AbortController();

  constructor(id: string) {
    this.#path = `/api/v1/jobs/${id}`;
    void this.#look();
  }

  /** Look again now. */
  again(): void {
    clearTimeout(this.#timer);
    void this.#look();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#controller.abort();
  }

  async #look(): Promise<void> {
    try {
      const job = await api.get<Job>(this.#path, {}, this.#controller.signal);
      this.job.value = job;
      this.problem.value = null;
      if (!ENDED.has(job.state)) this.#later(POLL_MS);
    } catch (error) {
      if (this.#controller.signal.aborted) return;
      const problem = error instanceof ApiError ? error : new ApiError(0, "unreachable", "The service is not reached.");
      this.problem.value = problem;
      // What is gone or forbidden stays so; anything else may pass.
      if (problem.status === 0 || problem.status >= 500 || problem.status === 429) this.#later(RETRY_MS);
    }
  }

  #later(ms: number): void {
    clearTimeout(this.#timer);
    if (!this.#controller.signal.aborted) this.#timer = setTimeout(() => void this.#look(), ms);
  }
}
