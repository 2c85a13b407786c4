// Binary messages of a stream's socket. Pure.

const HEADER_BYTES = 10;
const KINDS = [undefined, "init", "fragment", "jpeg"] as const;
const KEYFRAME = 1;

/** init: the initialisation segment of an mp4; fragment: one frame of it; jpeg: one picture. */
export interface Piece {
  kind: "init" | "fragment" | "jpeg";
  /** Decoding can start here. */
  key: boolean;
  timeMs: number;
  data: Uint8Array<ArrayBuffer>;
}

/** Byte 0 is the kind, byte 1 flags, bytes 2 to 9 the time as float64, little-endian. Null for unknown kinds. */
export function pieceOf(message: ArrayBuffer): Piece | null {
  if (message.byteLength < HEADER_BYTES) return null;
  const view = new DataView(message);
  const kind = KINDS[view.getUint8(0)];
  if (!kind) return null;
  const key = (view.getUint8(1) & KEYFRAME) !== 0;
  return { kind, key, timeMs: view.getFloat64(2, true), data: new Uint8Array(message, HEADER_BYTES) };
}
