// The state of the player as signals, and its actions.
import { computed, effect, type ReadonlySignal, type Signal, signal, untracked } from "@preact/signals";
import { pause } from "../../api/connection.ts";
import { DEFAULT_MIN_SCORE } from "../../api/option-table.ts";
import type { Scene, Track } from "../../api/track-types.ts";
import { ENDED, type Frame, type Job, type Video } from "../../api/types.ts";
import { wantedColouring } from "../../lib/colouring.ts";
import type { Colouring } from "../../lib/palette.ts";
import { offsetOf, type Rhythm, rhythmOf, type Shown, showing, stepFrom } from "../results/frame-lookup.ts";
import { loadFirst, loadFrames } from "../results/load-frames.ts";
import { BoxWindows, wantedWindows, widthFor } from "../results/result-windows.ts";

const SETTLE_MS = 120;
const PATIENCE_MS = 1500;
const RETRY_MS = 2000;

/** Times are those of the results (ms of the container); times of the video element differ by `offset`. */
export class Player {
  readonly job: ReadonlySignal<Job>;
  readonly video: Video;
  readonly rhythm: Rhythm;
  readonly leastScore: number;
  /** Current time, or the target of a pending seek. */
  readonly time = signal(0);
  /** Time of the displayed frame, for its boxes. `exact`: reported by the browser for this frame. */
  readonly pictured = signal(0);
  exact = false;
  readonly start = signal(0);
  readonly end: Signal<number>;
  readonly playing = signal(false);
  readonly waiting = signal(false);
  readonly rate = signal(1);
  readonly volume = signal(1);
  readonly muted = signal(false);
  readonly sound = signal(false);
  readonly names = signal(true);
  readonly minScore: Signal<number>;
  readonly hidden = signal<ReadonlySet<string>>(new Set());
  /** Place of each label in order of appearance, for its colour. */
  readonly places = signal<ReadonlyMap<string, number>>(new Map());
  /** Whether the job has tracks. */
  readonly tracked: ReadonlySignal<boolean>;
  /** What colours and names of boxes tell; labels where there are no tracks. */
  readonly colouring: ReadonlySignal<Colouring>;
  /** The scene whose zones and lines are shown. */
  readonly scene = signal<Scene | null>(null);
  /** The track that stands out. */
  readonly chosen = signal<Track | null>(null);
  /** Incremented when the boxes may have changed. */
  readonly revision = signal(0);
  /** Frontier of a running job, if known (ms). */
  readonly frontier = signal<number | null>(null);
  readonly windows: BoxWindows;
  offset = 0;
  element: HTMLVideoElement | null = null;
  #target: number | null = null;
  /** There was a seek before the first frame was displayed, so that frame is not the first of the video. */
  #moved = false;
  /** The first picture may still come by itself: a seek waits for it. */
  #patient = true;
  #patience: ReturnType<typeof setTimeout> | undefined;
  #settle: ReturnType<typeof setTimeout> | undefined;
  #stop: () => void;
  #closing = new AbortController();
  #firstShown: number | null = null;
  #firstFrames: readonly Frame[] = [];
  #loadingFirst = false;
  #tracks: string | null = null;

  constructor(job: ReadonlySignal<Job>, video: Video) {
    this.job = job;
    this.video = video;
    const { options, id } = untracked(() => job.value);
    this.rhythm = rhythmOf(video.media?.fps ?? 25, options.every_n ?? null, options.sample_fps ?? null);
    this.leastScore = options.min_score ?? DEFAULT_MIN_SCORE;
    this.minScore = signal(this.leastScore);
    this.end = signal(video.media?.duration_ms ?? 0);
    this.tracked = computed(() => Boolean(job.value.tracks?.tracks));
    this.colouring = computed(() => (this.tracked.value ? wantedColouring.value : "label"));
    this.windows = new BoxWindows(
      widthFor(this.rhythm.gapMs),
      (from, to, abort) => loadFrames(id, from, to, abort),
      () => {
        this.revision.value += 1;
      },
    );
    this.#stop = effect(() => this.#advanced(job.value));
  }

  /** The result frame of the displayed picture. */
  shown(): Shown | null {
    const ms = this.pictured.peek();
    return showing(this.windows.around(ms), ms, this.rhythm, this.exact);
  }

  /** A picture was displayed; `ms` in the time of the element. */
  presented(ms: number, exact: boolean): void {
    if (exact && this.#firstShown === null && !this.#moved) this.#begin(ms);
    this.exact = exact;
    this.pictured.value = ms + this.offset;
    if (this.#target !== null) {
      this.#seekNow();
      return;
    }
    // A picture from before the seek may still arrive; the target picture starts at the target time or a little before.
    const before = this.time.peek() - this.pictured.peek();
    if (this.element?.seeking && (before < 0 || before > Math.max(200, 2 * this.rhythm.frameMs))) return;
    this.time.value = this.pictured.peek();
    if (this.time.value > this.end.value) this.end.value = this.time.value;
    this.#want();
  }

  /** Attach a video element; it continues at the time of the previous one. */
  attach(element: HTMLVideoElement): void {
    this.element = element;
    if (this.time.peek() > this.start.peek()) this.#target = this.time.peek();
    // The first picture determines the offset, however late it comes; some browsers display none before playback.
    this.#patient = true;
    this.#patience = setTimeout(() => {
      this.#patient = false;
      this.#seekNow();
    }, PATIENCE_MS);
  }

  detach(): void {
    clearTimeout(this.#patience);
    this.element = null;
    this.playing.value = false;
  }

  seek(ms: number): void {
    const to = Math.max(this.start.value, Math.min(ms, this.end.value));
    this.time.value = to;
    this.#target = to;
    this.#seekNow();
    // Dragging along a long video passes many windows; load boxes only where it rests.
    clearTimeout(this.#settle);
    this.#settle = setTimeout(() => this.#want(), SETTLE_MS);
  }

  /** A seek has finished: continue with the newest target. */
  seeked(): void {
    this.#seekNow();
  }

  skip(ms: number): void {
    this.seek(this.time.value + ms);
  }

  step(direction: 1 | -1): void {
    this.pause();
    const now = this.time.value;
    const to = stepFrom(this.windows.around(now), now, direction, this.rhythm);
    const half = now === this.pictured.value && this.exact ? this.rhythm.frameMs / 2 : 0;
    this.seek(to ?? now + direction * this.rhythm.frameMs + half);
  }

  toggle(): void {
    if (this.playing.value) this.pause();
    else this.play();
  }

  play(): void {
    const { element } = this;
    if (!element) return;
    if (element.ended) this.seek(this.start.value);
    // play() rejects when interrupted by a pause or a new source.
    element.play().catch(() => undefined);
  }

  pause(): void {
    this.element?.pause();
  }

  setRate(rate: number): void {
    this.rate.value = rate;
    if (this.element) this.element.playbackRate = rate;
  }

  setVolume(volume: number, muted: boolean): void {
    this.volume.value = volume;
    this.muted.value = muted;
    if (this.element) Object.assign(this.element, { volume, muted });
  }

  choose(track: Track | null): void {
    this.chosen.value = track;
  }

  setHidden(label: string, hide: boolean): void {
    const hidden = new Set(this.hidden.value);
    if (hide) hidden.add(label);
    else hidden.delete(label);
    this.hidden.value = hidden;
  }

  close(): void {
    this.#stop();
    this.#closing.abort();
    clearTimeout(this.#settle);
    this.windows.close();
  }

  #seekNow(): void {
    const { element } = this;
    if (this.#target === null || !element || element.seeking || element.readyState < 1) return;
    if (this.#firstShown === null) {
      if (this.#patient) return;
      this.#moved = true;
    }
    element.currentTime = Math.max(0, (this.#target - this.offset) / 1000);
    this.#target = null;
  }

  #want(): void {
    const rate = this.playing.peek() ? this.rate.peek() : 0;
    this.windows.want(wantedWindows(this.time.peek(), this.windows.width, rate, this.end.peek()));
  }

  /** The job has changed: there may be new boxes. */
  #advanced(job: Job): void {
    if (ENDED.has(job.state)) this.frontier.value = null;
    this.windows.refresh(this.#tracksAre(job));
    if (!this.#firstFrames.length && job.progress.frames_done > 0) void this.#loadFirst(job.id);
  }

  /** Whether the tracks are others than before, so that all boxes are to be loaded again. */
  #tracksAre(job: Job): boolean {
    const key = job.tracks?.state === "ready" ? JSON.stringify(job.tracks) : "";
    const changed = this.#tracks !== null && this.#tracks !== key && key !== "";
    this.#tracks = key;
    return changed;
  }

  async #loadFirst(job: string): Promise<void> {
    if (this.#loadingFirst) return;
    this.#loadingFirst = true;
    const { signal: closed } = this.#closing;
    while (!closed.aborted && !this.#firstFrames.length) {
      this.#firstFrames = await loadFirst(job, closed).catch(() => []);
      if (!this.#firstFrames.length) await pause(RETRY_MS, closed);
    }
    this.#loadingFirst = false;
    this.#align();
  }

  #begin(ms: number): void {
    this.#firstShown = ms;
    this.#align();
  }

  /** Both first times are known: compute the offset. */
  #align(): void {
    if (this.#firstShown === null) return;
    this.offset = offsetOf(this.#firstShown, this.#firstFrames);
    this.start.value = this.#firstShown + this.offset;
    this.end.value = this.start.value + (this.video.media?.duration_ms ?? 0);
    this.revision.value += 1;
  }
}
