// The duration of the sample of a media fragment. Pure.
//
// A browser takes a frame that begins more than two durations after the one before for a new beginning, and leaves out
// all frames up to the next keyframe, which may be minutes away. Frames of cameras come at uneven times, so that each is
// said to be long: the next one ends it anyway.

/** Of the stream clock. */
const TICKS_PER_SECOND = 90_000;
export const LONG_SECONDS = 2;
/** The box with the sample's duration lies within so many bytes. */
const HEAD_BYTES = 256;
const TRUN = 0x7472756e;
const DATA_OFFSET = 0x1;
const FIRST_FLAGS = 0x4;
const DURATION = 0x100;

/** Make the sample of a fragment long, in place; a fragment without a duration of its own stays as it is. */
export function lengthen(fragment: Uint8Array): void {
  const view = new DataView(fragment.buffer, fragment.byteOffset, fragment.byteLength);
  const end = Math.min(HEAD_BYTES, view.byteLength - 24);
  for (let place = 4; place < end; place += 1) {
    if (view.getUint32(place) !== TRUN) continue;
    const flags = view.getUint32(place + 4) & 0xffffff;
    if (!(flags & DURATION)) return;
    // Behind type, version and flags, and the number of samples.
    const first = place + 12 + (flags & DATA_OFFSET ? 4 : 0) + (flags & FIRST_FLAGS ? 4 : 0);
    view.setUint32(first, LONG_SECONDS * TICKS_PER_SECOND);
    return;
  }
}
