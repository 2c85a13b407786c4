const WINDOW_MS = 6000;

/** Bytes a second over the last seconds, from how many had been sent when. */
export class Speed {
  private samples: [number, number][] = [];

  /** nowMs: of a clock that only goes forward. Less bytes than before start it afresh. */
  add(nowMs: number, sent: number): void {
    const last = this.samples.at(-1);
    if (last && sent < last[1]) this.samples = [];
    this.samples.push([nowMs, sent]);
    while (this.samples.length > 2 && (this.samples[1]?.[0] ?? 0) < nowMs - WINDOW_MS) this.samples.shift();
  }

  /** null until there is enough to say. */
  rate(): number | null {
    const [first, last] = [this.samples[0], this.samples.at(-1)];
    if (!first || !last || last[0] - first[0] < 500) return null;
    return ((last[1] - first[1]) * 1000) / (last[0] - first[0]);
  }

  reset(): void {
    this.samples = [];
  }
}
