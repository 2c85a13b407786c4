import assert from "node:assert/strict";
import { test } from "node:test";
import { lengthen } from "./sample-duration.ts";

/** A piece of a fragment: a box "trun" with these flags and fields behind other bytes. */
function fragment(flags: number, ...fields: number[]): Uint8Array {
  const words = [0, 0x6d6f6f66, 0, 0x7472756e, flags, 1, ...fields, 0, 0, 0, 0, 0, 0];
  const view = new DataView(new ArrayBuffer(words.length * 4));
  for (const [place, word] of words.entries()) view.setUint32(place * 4, word);
  return new Uint8Array(view.buffer);
}
const lengthened = (flags: number, ...fields: number[]) => {
  const piece = fragment(flags, ...fields);
  lengthen(piece);
  return piece;
};

test("the duration of the sample becomes long, wherever it stands", () => {
  assert.deepEqual(lengthened(0xf01, 124, 3600, 99), fragment(0xf01, 124, 180_000, 99));
  assert.deepEqual(lengthened(0x105, 124, 7, 3600), fragment(0x105, 124, 7, 180_000));
  assert.deepEqual(lengthened(0x100, 3600), fragment(0x100, 180_000));
});

test("what has no duration stays as it is", () => {
  assert.deepEqual(lengthened(0x201, 124, 3600), fragment(0x201, 124, 3600));
  const other = new Uint8Array(300);
  lengthen(other);
  lengthen(new Uint8Array(3));
  assert.deepEqual(other, new Uint8Array(300));
});
