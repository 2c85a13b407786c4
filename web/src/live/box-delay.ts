// How long a picture waits for its boxes. Pure but for what it remembers.

/** Behind the newest frame without boxes: against the jitter of the network. */
export const LEAST_MS = 50;
/** A detector that takes longer than this is not waited for: its boxes come on the picture while it is shown, or are
 * held. */
const MOST_MS = 3000;
const MARGIN_MS = 25;
const SAMPLES = 60;
const WAITING = 300;

/** Measures how long after a frame its result comes here. Times in ms; `now` is monotonic. */
export class BoxDelay {
  readonly #came = new Map<number, number>();
  readonly #lags: number[] = [];

  frame(timeMs: number, now: number): void {
    this.#came.set(keyOf(timeMs), now);
    if (this.#came.size > WAITING) this.#came.delete(this.#came.keys().next().value as number);
  }

  result(timeMs: number, now: number): void {
    const came = this.#came.get(keyOf(timeMs));
    if (came === undefined) return;
    this.#came.delete(keyOf(timeMs));
    this.#lags.push(Math.max(0, now - came));
    if (this.#lags.length > SAMPLES) this.#lags.shift();
  }

  /** How far behind the newest frame the picture shall be, so that nine of ten boxes are there with it (ms). */
  behind(): number {
    if (!this.#lags.length) return LEAST_MS;
    const sorted = this.#lags.toSorted((a, b) => a - b);
    const usual = sorted[Math.floor((sorted.length - 1) * 0.9)] as number;
    return Math.min(MOST_MS, Math.max(LEAST_MS, usual + MARGIN_MS));
  }
}

const keyOf = (timeMs: number) => Math.round(timeMs * 100);
