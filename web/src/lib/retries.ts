/** Tries something again after each of the delays, in turn, as long as it is wanted. */
export class Retries {
  readonly #delays: readonly number[];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(delays: readonly number[]) {
    this.#delays = delays;
  }

  /** Begin with the first delay, also where others are still to come. attempt: throws nothing. */
  start(wanted: () => boolean, attempt: () => Promise<void>): void {
    this.stop();
    this.#next(0, wanted, attempt);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #next(place: number, wanted: () => boolean, attempt: () => Promise<void>): void {
    const delay = this.#delays[place];
    if (delay === undefined) return;
    this.#timer = setTimeout(() => {
      if (!wanted()) return;
      this.#next(place + 1, wanted, attempt);
      void attempt();
    }, delay);
  }
}
