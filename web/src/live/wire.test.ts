import assert from "node:assert/strict";
import { test } from "node:test";
import { pieceOf } from "./wire.ts";

function message(kind: number, flags: number, timeMs: number, payload: number[]): ArrayBuffer {
  const view = new DataView(new ArrayBuffer(10 + payload.length));
  view.setUint8(0, kind);
  view.setUint8(1, flags);
  view.setFloat64(2, timeMs, true);
  new Uint8Array(view.buffer, 10).set(payload);
  return view.buffer;
}

test("a fragment has its time to the fraction, also after months", () => {
  const months = 1e10 + 1 / 3;
  const piece = pieceOf(message(2, 1, months, [7, 8]));
  assert.deepEqual(
    [piece?.kind, piece?.key, piece?.timeMs, [...(piece?.data ?? [])]],
    ["fragment", true, months, [7, 8]],
  );
});

test("other flags do not make a keyframe", () => {
  assert.equal(pieceOf(message(2, 2, 0, []))?.key, false);
  assert.equal(pieceOf(message(3, 3, 0, []))?.key, true);
});

test("kinds of a later release and cut messages are left out", () => {
  assert.equal(pieceOf(message(9, 0, 0, [1])), null);
  assert.equal(pieceOf(message(0, 0, 0, [1])), null);
  assert.equal(pieceOf(new ArrayBuffer(9)), null);
});
