// Plays fragments of mp4 in a video element as they come, through Media Source Extensions.
import { chase, type Range, removable } from "./catch-up.ts";
import { attachSource, sourceKind } from "./media-source.ts";
import type { Piece } from "./wire.ts";

/** What stays buffered behind the picture, in seconds. */
const KEEP_SECONDS = 10;
/** A keyframe so long before the newest frame is of a stream that was started anew, whose clock begins at 0 again. */
const RESTART_SECONDS = 5;
/** A browser that takes no more data for so long begins anew at the next keyframe. */
const MOST_WAITING = 400;

export class MseScreen {
  readonly #video: HTMLVideoElement;
  readonly #behindMs: () => number;
  #source: MediaSource | null = null;
  #buffer: SourceBuffer | null = null;
  #mime = "";
  #waiting: Uint8Array<ArrayBuffer>[] = [];
  #init: Uint8Array<ArrayBuffer> | null = null;
  /** No fragment can be decoded before a keyframe. */
  #starting = true;
  #keys: number[] = [];
  #newest = 0;
  #address = "";

  /** behindMs: how far behind the newest frame the picture shall be. */
  constructor(video: HTMLVideoElement, behindMs: () => number) {
    this.#video = video;
    this.#behindMs = behindMs;
  }

  /** The codec of what follows. */
  configure(mime: string): void {
    if (mime === this.#mime && this.#source) return;
    this.#mime = mime;
    const Kind = sourceKind(mime);
    if (!this.#source) this.#begin();
    else if (this.#buffer && "changeType" in this.#buffer && Kind && this.#source instanceof Kind)
      this.#waiting.push(new Uint8Array());
    else this.#again();
    this.#starting = true;
  }

  push(piece: Piece): void {
    if (piece.kind === "init") {
      this.#init = piece.data;
      this.#starting = true;
      this.#waiting.push(piece.data);
    } else {
      const seconds = piece.timeMs / 1000;
      if (piece.key && seconds < this.#newest - RESTART_SECONDS) this.#again();
      if (this.#starting && !piece.key) return;
      this.#starting = false;
      this.#newest = Math.max(this.#newest, seconds);
      if (piece.key) this.#keys.push(seconds);
      this.#waiting.push(piece.data);
    }
    if (this.#waiting.length > MOST_WAITING) this.#again();
    this.#next();
  }

  close(): void {
    this.#source = null;
    this.#buffer = null;
    this.#waiting = [];
    this.#video.removeAttribute("src");
    this.#video.load();
    URL.revokeObjectURL(this.#address);
  }

  #begin(): void {
    const Kind = sourceKind(this.#mime);
    if (!Kind) return;
    const source = new Kind();
    this.#source = source;
    this.#newest = 0;
    this.#keys = [];
    source.addEventListener("sourceopen", () => this.#opened(source), { once: true });
    this.#address = attachSource(this.#video, source);
  }

  #opened(source: MediaSource): void {
    if (source !== this.#source) return;
    try {
      this.#buffer = source.addSourceBuffer(this.#mime);
    } catch {
      return; // what cannot be played was told before
    }
    this.#buffer.mode = "segments";
    this.#buffer.addEventListener("updateend", () => this.#appended(source));
    this.#next();
  }

  /** Everything anew, from the initialisation segment and the next keyframe on. */
  #again(): void {
    const init = this.#init;
    this.close();
    this.#begin();
    this.#starting = true;
    if (init) this.#waiting = [init];
  }

  #next(): void {
    const buffer = this.#buffer;
    if (!buffer || buffer.updating || !this.#waiting.length || this.#source?.readyState !== "open") return;
    // An empty piece stands for a change of the codec.
    const change = this.#waiting.findIndex((data) => data.length === 0);
    if (change === 0) {
      this.#waiting.shift();
      buffer.changeType(this.#mime);
      this.#next();
      return;
    }
    const pieces = this.#waiting.splice(0, change < 0 ? this.#waiting.length : change);
    try {
      buffer.appendBuffer(pieces.length === 1 ? (pieces[0] as Uint8Array<ArrayBuffer>) : joined(pieces));
    } catch {
      this.#again(); // the buffer is full, or the element has an error
    }
  }

  #appended(source: MediaSource): void {
    const buffer = this.#buffer;
    if (!buffer || source !== this.#source) return;
    if (this.#video.error) {
      this.#again();
      return;
    }
    this.#chase(buffer);
    if (!buffer.updating) this.#trim(buffer);
    this.#next();
  }

  #chase(buffer: SourceBuffer): void {
    const video = this.#video;
    if (this.#newest === 0) return;
    const { rate, to } = chase(video.currentTime, this.#newest, rangesOf(buffer.buffered), this.#behindMs() / 1000);
    if (to !== null && !video.seeking) video.currentTime = to;
    if (video.playbackRate !== rate) video.playbackRate = rate;
    // play() rejects where it is interrupted by a seek or a new source.
    if (video.paused) video.play().catch(() => undefined);
  }

  #trim(buffer: SourceBuffer): void {
    if (!buffer.buffered.length) return;
    const to = removable(this.#video.currentTime, buffer.buffered.start(0), this.#keys, KEEP_SECONDS);
    if (to === null) return;
    this.#keys = this.#keys.filter((key) => key >= to);
    buffer.remove(0, to);
  }
}

function rangesOf(buffered: TimeRanges): Range[] {
  return Array.from({ length: buffered.length }, (_, place) => ({
    start: buffered.start(place),
    end: buffered.end(place),
  }));
}

function joined(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let place = 0;
  for (const piece of pieces) {
    all.set(piece, place);
    place += piece.length;
  }
  return all;
}
