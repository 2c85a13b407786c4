// The state of the player: signals that the parts of the page read, and what can be done with it.
import { effect, type ReadonlySignal, type Signal, signal, untracked } from "@preact/signals";
import { DEFAULT_MIN_SCORE } from "../../api/option-table.ts";
import { ENDED, type Frame, type Job, type Video } from "../../api/types.ts";
import { offsetOf, type Rhythm, rhythmOf, type Shown, showing, stepFrom } from "../results/frame-lookup.ts";
import { loadFirst, loadFrames } from "../results/load-frames.ts";
import { BoxWindows, wantedWindows, widthFor } from "../results/result-windows.ts";

const SETTLE_MS = 120;
const PATIENCE_MS = 1500;

/** Times are the results' (ms of the container); the video element has its own, `offset` lies between. */
export class Player {
  readonly job: ReadonlySignal<Job>;
  readonly video: Video;
  readonly rhythm: Rhythm;
  readonly leastScore: number;
  /** The time where the video is, or is going to be when a seek is done. */
  readonly time = signal(0);
  /** Time of the picture that is on the screen: boxes belong to it. `exact`: told by the browser for this picture. */
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
  /** The labels by their places in the order in which they appear, for their colours. */
  readonly places = signal<ReadonlyMap<string, number>>(new Map());
  /** Counts up when there are other boxes to show. */
  readonly revision = signal(0);
  /** Up to where a running job has come, when that is known (ms). */
  readonly frontier = signal<number | null>(null);
  readonly windows: BoxWindows;
  offset = 0;
  element: HTMLVideoElement | null = null;
  #target: number | null = null;
  /** Something was sought before the first picture came: that one is not the video's first. */
  #moved = false;
  #patience: ReturnType<typeof setTimeout> | undefined;
  #settle: ReturnType<typeof setTimeout> | undefined;
  #stop: () => void;
  #closing = new AbortController();
  #firstShown: number | null = null;
  #firstFrames: readonly Frame[] = [];

  constructor(job: ReadonlySignal<Job>, video: Video) {
    this.job = job;
    this.video = video;
    const { options, id } = untracked(() => job.value);
    this.rhythm = rhythmOf(video.media?.fps ?? 25, options.every_n ?? null, options.sample_fps ?? null);
    this.leastScore = options.min_score ?? DEFAULT_MIN_SCORE;
    this.minScore = signal(this.leastScore);
    this.end = signal(video.media?.duration_ms ?? 0);
    this.windows = new BoxWindows(
      widthFor(this.rhythm.gapMs),
      (from, to, abort) => loadFrames(id, from, to, abort),
      () => {
        this.revision.value += 1;
      },
    );
    this.#stop = effect(() => this.#advanced(job.value));
  }

  /** The frame whose boxes belong to the picture that is shown. */
  shown(): Shown | null {
    const ms = this.pictured.peek();
    return showing(this.windows.around(ms), ms, this.rhythm, this.exact);
  }

  /** A picture is on the screen; `ms` in the element's time. */
  presented(ms: number, exact: boolean): void {
    if (exact && this.#firstShown === null && !this.#moved) this.#begin(ms);
    this.exact = exact;
    this.pictured.value = ms + this.offset;
    if (this.#target !== null) {
      this.#seekNow();
      return;
    }
    // A picture from before the seek may still come; the one that was sought begins at the place or a little before.
    const before = this.time.peek() - this.pictured.peek();
    if (this.element?.seeking && (before < 0 || before > Math.max(200, 2 * this.rhythm.frameMs))) return;
    this.time.value = this.pictured.peek();
    if (this.time.value > this.end.value) this.end.value = this.time.value;
    this.#want();
  }

  /** The element that shows the video; it goes on where the one before it was. */
  attach(element: HTMLVideoElement): void {
    this.element = element;
    if (this.time.peek() > this.start.peek()) this.#target = this.time.peek();
    // The first picture tells how times lie; some browsers show none before it plays.
    this.#patience = setTimeout(() => {
      this.#moved = true;
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
    // Who drags along a long video passes many windows: only where it rests are boxes fetched.
    clearTimeout(this.#settle);
    this.#settle = setTimeout(() => this.#want(), SETTLE_MS);
  }

  /** The element has done a seek: the newest wanted place is next. */
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
    // A play that a pause or a new source interrupts is no error.
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
    if (this.#firstShown === null && !this.#moved) return;
    element.currentTime = Math.max(0, (this.#target - this.offset) / 1000);
    this.#target = null;
  }

  #want(): void {
    const rate = this.playing.peek() ? this.rate.peek() : 0;
    this.windows.want(wantedWindows(this.time.peek(), this.windows.width, rate, this.end.peek()));
  }

  /** The job's state is another: boxes may have come. */
  #advanced(job: Job): void {
    if (ENDED.has(job.state)) this.frontier.value = null;
    this.windows.refresh();
    if (!this.#firstFrames.length && job.progress.frames_done > 0) void this.#loadFirst(job.id);
  }

  async #loadFirst(job: string): Promise<void> {
    this.#firstFrames = await loadFirst(job, this.#closing.signal).catch(() => []);
    this.#align();
  }

  #begin(ms: number): void {
    this.#firstShown = ms;
    this.#align();
  }

  /** Both first times are known: set them beside each other. */
  #align(): void {
    if (this.#firstShown === null) return;
    this.offset = offsetOf(this.#firstShown, this.#firstFrames);
    this.start.value = this.#firstShown + this.offset;
    this.end.value = this.start.value + (this.video.media?.duration_ms ?? 0);
    this.revision.value += 1;
  }
}
