const WINDOW_MS = 6000;

/** Upload speed over the last seconds, from (time, bytes sent) samples. */
export class Speed {
  private samples: [number, number][] = [];

  /** nowMs: of a monotonic clock. A smaller number of bytes resets the measurement. */
  add(nowMs: number, sent: number): void {
    const last = this.samples.at(-1);
    if (last && sent < last[1]) this.samples = [];
    this.samples.push([nowMs, sent]);
    while (this.samples.length > 2 && (this.samples[1]?.[0] ?? 0) < nowMs - WINDOW_MS) this.samples.shift();
  }

  /** null until there are enough samples. */
  rate(): number | null {
    const [first, last] = [this.samples[0], this.samples.at(-1)];
    if (!first || !last || last[0] - first[0] < 500) return null;
    return ((last[1] - first[1]) * 1000) / (last[0] - first[0]);
  }

  reset(): void {
    this.samples = [];
  }
}
