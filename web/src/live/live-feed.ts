// What is seen of one stream: its picture, its results, its state. Open while it is visible.
import { signal } from "@preact/signals";
import type { LiveResult, Stream, StreamConfig, StreamMessage, StreamStats } from "../api/stream-types.ts";
import type { SceneEvent } from "../api/track-types.ts";
import { BoxDelay } from "./box-delay.ts";
import { JpegScreen } from "./jpeg-screen.ts";
import { sourceKind } from "./media-source.ts";
import { MseScreen } from "./mse-screen.ts";
import { type LiveShown, LONGEST_HOLD_MS, RecentResults } from "./recent-results.ts";
import { StreamSocket } from "./stream-socket.ts";
import type { Piece } from "./wire.ts";

const JPEG = "image/jpeg";

export interface FeedOptions {
  /** Called with each result, also with those that were missed while the socket was lost. */
  onResult?: (result: LiveResult) => void;
  /** Ask for the results after this time at the first connection. */
  afterMs?: number | null;
}

export class LiveFeed {
  readonly id: string;
  readonly stream = signal<Stream | null>(null);
  readonly stats = signal<StreamStats | null>(null);
  readonly config = signal<StreamConfig | null>(null);
  /** Why the stream cannot be seen. */
  readonly problem = signal<{ code: string; detail: string } | null>(null);
  readonly connected = signal(false);
  /** A picture was shown since the media began. */
  readonly pictured = signal(false);
  /** Grows when the boxes on the picture may have changed. */
  readonly revision = signal(0);
  readonly places = new Map<string, number>();
  readonly #options: FeedOptions;
  readonly #results = new RecentResults();
  #delay = new BoxDelay();
  #socket: StreamSocket | null = null;
  #screens: { video: HTMLVideoElement; canvas: HTMLCanvasElement } | null = null;
  #mse: MseScreen | null = null;
  #jpeg: JpegScreen | null = null;
  #shownMs = -1;
  #exact = true;
  #lastMs: number | null;
  /** False where the browser cannot play it: then only results are asked for. */
  #media = true;
  #scene: { id: string; happened: (event: SceneEvent) => void } | null = null;

  constructor(id: string, options: FeedOptions = {}) {
    this.id = id;
    this.#options = options;
    this.#lastMs = options.afterMs ?? null;
  }

  /** Give labels that are new their places, and so their colours. */
  learn(detections: readonly { label: string }[]): void {
    for (const { label } of detections) if (!this.places.has(label)) this.places.set(label, this.places.size);
  }

  /** The elements on which the picture is shown. */
  attach(video: HTMLVideoElement, canvas: HTMLCanvasElement): void {
    this.#screens = { video, canvas };
  }

  open(): void {
    this.#socket ??= new StreamSocket(this.id, {
      start: () => ({
        media: this.#media,
        results: true,
        after_ms: this.#options.onResult ? this.#lastMs : null,
        scenes: this.#scene ? [this.#scene.id] : [],
      }),
      message: (message) => this.#message(message),
      piece: (piece) => this.#piece(piece),
      lost: () => {
        this.connected.value = false;
      },
    });
  }

  /** Tell what happens at a scene from now on, in place of another one; the returned function ends it. */
  watchScene(id: string, happened: (event: SceneEvent) => void): () => void {
    const watch = { id, happened };
    this.#scene = watch;
    this.#socket?.restart();
    return () => {
      if (this.#scene !== watch) return;
      this.#scene = null;
      this.#socket?.restart();
    };
  }

  close(): void {
    this.#media = true;
    this.#hangUp();
  }

  #hangUp(): void {
    this.#socket?.close();
    this.#socket = null;
    this.#endMedia();
    this.connected.value = false;
    this.stats.value = null;
  }

  /** A picture was shown; its time on the stream clock. exact: the browser told it for this very picture. */
  presented(timeMs: number, exact: boolean): void {
    this.#shownMs = timeMs;
    this.#exact = exact;
    this.pictured.value = true;
    this.revision.value += 1;
  }

  /** The result whose boxes belong to the picture. */
  shown(): LiveShown | null {
    if (this.#shownMs < 0) return null;
    return this.#results.showing(this.#shownMs, this.#exact, this.stats.peek());
  }

  /** Width and height of the displayed picture, or their likely ratio while it is unknown. */
  shape(): { width: number; height: number } {
    const { width = 16, height = 9, rotation = 0 } = this.config.value ?? {};
    return rotation % 180 ? { width: height, height: width } : { width, height };
  }

  /** The newest result, whatever picture is shown. */
  newest(): LiveResult | null {
    return this.#results.frames.at(-1) ?? null;
  }

  get shownMs(): number {
    return this.#shownMs;
  }

  #message(message: StreamMessage): void {
    switch (message.type) {
      case "hello":
        this.connected.value = true;
        this.problem.value = null;
        this.stream.value = message.stream;
        this.#endMedia();
        break;
      case "config":
        this.#configure(message);
        break;
      case "result":
        this.#result(message);
        break;
      case "event": {
        const { scene, event, ...rest } = message;
        if (scene === this.#scene?.id) this.#scene.happened({ ...rest, type: event });
        break;
      }
      case "stats":
        this.stats.value = message;
        this.problem.value = null;
        break;
      case "error":
        this.problem.value = message;
    }
  }

  #result(result: LiveResult): void {
    this.#delay.result(result.time_ms, performance.now());
    this.learn(result.detections);
    this.#lastMs = result.time_ms;
    this.#results.add(result);
    this.#options.onResult?.(result);
    if (result.time_ms >= this.#shownMs - LONGEST_HOLD_MS) this.revision.value += 1;
  }

  #configure(config: StreamConfig): void {
    this.config.value = config;
    const screens = this.#screens;
    if (!screens) return;
    if (config.mime === JPEG) {
      this.#endMedia();
      this.#jpeg = new JpegScreen(screens.canvas, this.#behind, (ms) => this.presented(ms, true));
    } else if (sourceKind(config.mime)) {
      if (this.#jpeg) this.#endMedia();
      this.#mse ??= new MseScreen(screens.video, this.#behind);
      this.#mse.configure(config.mime);
    } else if (this.#media) {
      this.#media = false;
      this.#hangUp();
      this.open();
    }
  }

  #piece(piece: Piece): void {
    if (piece.kind !== "init") this.#delay.frame(piece.timeMs, performance.now());
    if (piece.kind === "jpeg") this.#jpeg?.push(piece);
    else this.#mse?.push(piece);
  }

  #endMedia(): void {
    this.#mse?.close();
    this.#jpeg?.close();
    this.#mse = null;
    this.#jpeg = null;
    this.#delay = new BoxDelay();
    this.#results.clear();
    this.#shownMs = -1;
    this.pictured.value = false;
    this.revision.value += 1;
  }

  readonly #behind = () => this.#delay.behind();
}

/** Why the picture of a stream cannot be shown, null where it can or is not known yet. */
export function unplayable(config: StreamConfig | null): string | null {
  if (!config || config.mime === JPEG || sourceKind(config.mime)) return null;
  return `Your browser cannot show ${config.codec} video. Objects are detected all the same.`;
}
