import assert from "node:assert/strict";
import { test } from "node:test";
import { attachSource, type SourceKind, sourceKind } from "./media-source.ts";

const H264 = 'video/mp4; codecs="avc1.42e01f"';

/** A kind that plays these codecs. A Blob: Node gives addresses to nothing else. */
function kind(...codecs: string[]): SourceKind {
  const Kind = class extends Blob {
    static isTypeSupported = (mime: string) => codecs.includes(mime);
  };
  return Kind as unknown as SourceKind;
}

test("an iPhone has the managed kind alone", () => {
  const managed = kind(H264);
  assert.equal(sourceKind(H264, { ManagedMediaSource: managed }), managed);
});

test("of both kinds the managed one is taken, of one that one", () => {
  const [managed, plain] = [kind(H264), kind(H264)];
  assert.equal(sourceKind(H264, { ManagedMediaSource: managed, MediaSource: plain }), managed);
  assert.equal(sourceKind(H264, { MediaSource: plain }), plain);
});

test("a codec that the managed kind does not play may be played by the other one", () => {
  const plain = kind(H264);
  assert.equal(sourceKind(H264, { ManagedMediaSource: kind(), MediaSource: plain }), plain);
});

test("without any kind, or with none for the codec, nothing is played", () => {
  assert.equal(sourceKind(H264, {}), null);
  assert.equal(sourceKind(H264, { ManagedMediaSource: kind(), MediaSource: kind() }), null);
  assert.equal(sourceKind(H264), null);
});

test("remote playback is off before the element has its source", () => {
  const set: string[] = [];
  const video = new Proxy({} as HTMLVideoElement, {
    set: (_, name, value) => set.push(`${String(name)} ${String(value).slice(0, 5)}`) > 0,
  });
  const address = attachSource(video, new (kind(H264))());
  assert.deepEqual(set, ["disableRemotePlayback true", "src blob:"]);
  URL.revokeObjectURL(address);
});
