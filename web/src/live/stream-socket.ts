// The WebSocket of one stream: kept open, and resumed where it broke off.
import { backoff } from "../api/connection.ts";
import { freshToken } from "../api/session.ts";
import type { StreamMessage } from "../api/stream-types.ts";
import { type Piece, pieceOf } from "./wire.ts";

/** The service sends figures once a second. */
const SILENCE_MS = 10_000;
/** Errors after which trying again would change nothing. */
const FINAL: ReadonlySet<string> = new Set(["not_found", "forbidden"]);

export interface SocketStart {
  media: boolean;
  results: boolean;
  after_ms: number | null;
  scenes: string[];
}

export interface SocketListener {
  /** What to ask for, at each connection and each restart anew. */
  start(): SocketStart;
  message(message: StreamMessage): void;
  piece(piece: Piece): void;
  /** The connection is lost, and tried again. */
  lost(): void;
}

export class StreamSocket {
  readonly #path: string;
  readonly #listener: SocketListener;
  #socket: WebSocket | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  #closed = false;

  constructor(stream: string, listener: SocketListener) {
    this.#path = `/api/v1/streams/${stream}/ws`;
    this.#listener = listener;
    void this.#open();
  }

  /** Ask for what is wanted now. */
  restart(): void {
    if (this.#socket?.readyState !== WebSocket.OPEN) return; // it is asked for when it opens
    this.#socket.send(JSON.stringify({ type: "start", ...this.#listener.start() }));
  }

  close(): void {
    this.#closed = true;
    this.#end();
  }

  async #open(): Promise<void> {
    // This also renews the cookie that the socket is authorized by.
    const token = await freshToken().catch(() => undefined);
    if (this.#closed || token === null) return;
    const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}${this.#path}`);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#watch();
    socket.onopen = () => this.restart();
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = () => this.#lost();
  }

  #receive(data: string | ArrayBuffer): void {
    this.#watch();
    if (typeof data === "string") {
      const message = JSON.parse(data) as StreamMessage;
      if (message.type === "hello") this.#failures = 0;
      this.#listener.message(message);
      if (message.type === "error" && FINAL.has(message.code)) this.close();
      return;
    }
    const piece = pieceOf(data);
    if (piece) this.#listener.piece(piece);
  }

  #watch(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#lost(), SILENCE_MS);
  }

  #lost(): void {
    if (this.#closed) return;
    this.#end();
    this.#failures += 1;
    this.#listener.lost();
    this.#timer = setTimeout(() => void this.#open(), backoff(this.#failures));
  }

  #end(): void {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = null;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }
}
