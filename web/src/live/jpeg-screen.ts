// Shows JPEG pictures on a canvas as they come; a newer one replaces one that was not decoded yet.
import type { Piece } from "./wire.ts";

export class JpegScreen {
  readonly #canvas: HTMLCanvasElement;
  readonly #behindMs: () => number;
  readonly #shown: (timeMs: number) => void;
  #decoding = false;
  #next: Piece | null = null;
  #closed = false;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();

  constructor(canvas: HTMLCanvasElement, behindMs: () => number, shown: (timeMs: number) => void) {
    this.#canvas = canvas;
    this.#behindMs = behindMs;
    this.#shown = shown;
  }

  push(piece: Piece): void {
    // As with video, the picture comes with its boxes.
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#next = piece;
      void this.#show();
    }, this.#behindMs());
    this.#timers.add(timer);
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
  }

  async #show(): Promise<void> {
    if (this.#decoding) return;
    this.#decoding = true;
    while (this.#next && !this.#closed) {
      const piece = this.#next;
      this.#next = null;
      await this.#draw(piece).catch(() => undefined); // a broken picture is left out
    }
    this.#decoding = false;
  }

  async #draw(piece: Piece): Promise<void> {
    const picture = await createImageBitmap(new Blob([piece.data], { type: "image/jpeg" }));
    if (!this.#closed) {
      const { width, height } = picture;
      if (this.#canvas.width !== width || this.#canvas.height !== height)
        Object.assign(this.#canvas, { width, height });
      this.#canvas.getContext("2d")?.drawImage(picture, 0, 0);
      this.#shown(piece.timeMs);
    }
    picture.close();
  }
}
