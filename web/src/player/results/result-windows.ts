// Cache of boxes in windows of a few seconds: prefetching, eviction, loading. No DOM.
import type { Frame } from "../../api/types.ts";

/** Maximum number of cached windows. */
const KEPT = 24;
/** Maximum number of concurrent requests. */
const AT_ONCE = 2;
const RETRY_MS = 2000;

/** The frames of a window; final: complete, no need to load it again. */
export interface Loaded {
  frames: Frame[];
  final: boolean;
}

export type Load = (fromMs: number, toMs: number, signal: AbortSignal) => Promise<Loaded>;

/** Width of a window: a few seconds, more for sparse sampling (ms). */
export function widthFor(gapMs: number | null): number {
  return Math.max(4000, 4 * (gapMs ?? 0));
}

/** Windows to load for the current time, most urgent first. `rate`: playback speed, 0 while paused. */
export function wantedWindows(ms: number, width: number, rate: number, lastMs: number): number[] {
  const now = Math.floor(ms / width);
  const within = ms / width - now;
  const last = Math.floor(lastMs / width);
  const ahead = rate > 2 ? [now + 1, now + 2] : rate > 0 || within > 0.5 ? [now + 1] : [];
  const behind = within < 0.25 ? [now - 1] : [];
  return [now, ...ahead, ...behind].filter((index) => index >= Math.min(0, now) && index <= Math.max(last, now));
}

/** Windows to evict, least recently used first (`order`: oldest to newest). */
export function toDrop(order: readonly number[], wanted: ReadonlySet<number>, most: number): number[] {
  const surplus = order.length - most;
  return surplus > 0 ? order.filter((index) => !wanted.has(index)).slice(0, surplus) : [];
}

/** A cache of windows over `load`. `changed` is called when there are new boxes. */
export class BoxWindows {
  readonly width: number;
  readonly #load: Load;
  readonly #changed: () => void;
  #kept = new Map<number, Loaded & { stale: boolean }>();
  #loading = new Map<number, AbortController>();
  #failedAt = new Map<number, number>();
  #wanted: number[] = [];
  #joined: { key: string; frames: Frame[] } = { key: "", frames: [] };
  #revision = 0;
  #closed = false;

  constructor(width: number, load: Load, changed: () => void) {
    this.width = width;
    this.#load = load;
    this.#changed = changed;
  }

  /** Load these windows, most urgent first; requests for others are aborted. */
  want(wanted: number[]): void {
    this.#wanted = wanted;
    this.#abort((index) => !wanted.includes(index));
    this.#start();
  }

  /** The job has progressed: reload windows that are not final, or all of them. */
  refresh(all = false): void {
    for (const kept of this.#kept.values()) kept.stale ||= all || !kept.final;
    if (all) this.#abort(() => true);
    this.#start();
  }

  /** Whether the window of a time is loaded, at least up to the frontier. */
  has(ms: number): boolean {
    return this.#kept.has(Math.floor(ms / this.width));
  }

  /** Whether loading the window of a time failed recently. */
  failed(ms: number): boolean {
    return this.#failedAt.has(Math.floor(ms / this.width));
  }

  /** The loaded frames of the window of a time and its two neighbours, in order. */
  around(ms: number): readonly Frame[] {
    const index = Math.floor(ms / this.width);
    const key = `${index} ${this.#revision}`;
    if (this.#joined.key !== key) {
      const frames = [index - 1, index, index + 1].flatMap((at) => this.#kept.get(at)?.frames ?? []);
      this.#joined = { key, frames };
    }
    return this.#joined.frames;
  }

  close(): void {
    this.#closed = true;
    this.want([]);
  }

  #abort(which: (index: number) => boolean): void {
    for (const [index, controller] of this.#loading) {
      if (!which(index)) continue;
      controller.abort();
      this.#loading.delete(index);
    }
  }

  #start(): void {
    if (this.#closed) return;
    for (const index of this.#wanted) {
      if (this.#loading.size >= AT_ONCE) return;
      const kept = this.#kept.get(index);
      const waits = Date.now() - (this.#failedAt.get(index) ?? 0) < RETRY_MS;
      if ((kept && !kept.stale) || this.#loading.has(index) || waits) continue;
      void this.#fetch(index);
    }
  }

  async #fetch(index: number): Promise<void> {
    const controller = new AbortController();
    this.#loading.set(index, controller);
    try {
      const loaded = await this.#load(index * this.width, (index + 1) * this.width, controller.signal);
      if (controller.signal.aborted) return;
      this.#failedAt.delete(index);
      this.#keep(index, loaded);
    } catch {
      if (controller.signal.aborted) return;
      this.#failedAt.set(index, Date.now());
      setTimeout(() => this.#start(), RETRY_MS + 1);
    } finally {
      if (this.#loading.get(index) === controller) this.#loading.delete(index);
    }
    this.#changed();
    this.#start();
  }

  #keep(index: number, loaded: Loaded): void {
    this.#kept.delete(index);
    this.#kept.set(index, { ...loaded, stale: false });
    this.#revision += 1;
    for (const old of toDrop([...this.#kept.keys()], new Set(this.#wanted), KEPT)) this.#kept.delete(old);
  }
}
