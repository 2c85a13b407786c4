// The detections of the last minutes per label, growing with each result. Pure but for what it remembers.
import type { LiveResult } from "../api/stream-types.ts";
import type { Series } from "../api/types.ts";

export const BUCKET_MS = 1000;
const KEPT = 900;

interface Bucket {
  frames: Set<number>;
  any: number;
  labels: Map<string, number>;
}

export class LiveSeries {
  readonly #buckets = new Map<number, Bucket>();
  readonly #first = new Map<string, number>();
  newestMs = 0;

  /** Add a result; one that is known already changes nothing. */
  add({ frame, time_ms, detections }: Pick<LiveResult, "frame" | "time_ms" | "detections">): void {
    this.newestMs = Math.max(this.newestMs, time_ms);
    const bucket = this.#at(Math.floor(time_ms / BUCKET_MS));
    if (!bucket || bucket.frames.has(frame)) return;
    bucket.frames.add(frame);
    if (detections.length) bucket.any += 1;
    for (const [label, count] of counted(detections)) {
      bucket.labels.set(label, Math.max(bucket.labels.get(label) ?? 0, count));
      this.#first.set(label, Math.min(this.#first.get(label) ?? frame, frame));
    }
  }

  clear(): void {
    this.#buckets.clear();
    this.#first.clear();
    this.newestMs = 0;
  }

  /** The buckets that end with the newest one. */
  series(spanMs: number): Series {
    const last = Math.floor(this.newestMs / BUCKET_MS);
    const first = Math.max(0, last + 1 - Math.ceil(spanMs / BUCKET_MS));
    const buckets = Array.from({ length: last + 1 - first }, (_, place) => this.#buckets.get(first + place));
    const labels = [...this.#first].map(([label, first_frame]) => {
      const max = buckets.map((bucket) => bucket?.labels.get(label) ?? 0);
      return [label, { first_frame, max, mean: max }] as const;
    });
    return {
      from_ms: first * BUCKET_MS,
      to_ms: (last + 1) * BUCKET_MS,
      bucket_ms: BUCKET_MS,
      frames: buckets.map((bucket) => bucket?.frames.size ?? 0),
      any: buckets.map((bucket) => bucket?.any ?? 0),
      labels: Object.fromEntries(labels),
      complete: false,
      frontier_ms: this.newestMs,
    };
  }

  #at(index: number): Bucket | null {
    const newest = Math.floor(this.newestMs / BUCKET_MS);
    if (index <= newest - KEPT) return null;
    const known = this.#buckets.get(index);
    if (known) return known;
    const bucket = { frames: new Set<number>(), any: 0, labels: new Map<string, number>() };
    this.#buckets.set(index, bucket);
    for (const old of this.#buckets.keys()) if (old <= newest - KEPT) this.#buckets.delete(old);
    return bucket;
  }
}

function counted(detections: LiveResult["detections"]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { label } of detections) counts.set(label, (counts.get(label) ?? 0) + 1);
  return counts;
}
