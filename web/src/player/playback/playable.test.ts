import assert from "node:assert/strict";
import { test } from "node:test";
import type { Media } from "../../api/types.ts";
import { mayPlay } from "./playable.ts";

const media = (container: string, codec: string) => ({ container, codec }) as Media;
const chromium = (type: string) => (type.includes("hvc1") ? "" : "probably");

test("unplayable codecs are not tried", () => {
  assert.equal(mayPlay(media("avi", "mpeg4"), chromium), false);
  assert.equal(mayPlay(media("mov,mp4,m4a,3gp,3g2,mj2", "mpeg4"), chromium), false);
  assert.equal(mayPlay(media("mpegts", "h264"), chromium), false);
  assert.equal(mayPlay(media("mov,mp4,m4a,3gp,3g2,mj2", "hevc"), chromium), false);
});

test("a file whose clock begins elsewhere or breaks is played as a copy", () => {
  const webm = media("matroska,webm", "vp9");
  assert.equal(mayPlay({ ...webm, start_ms: 4000 }, chromium), false);
  assert.equal(mayPlay({ ...webm, clock: [{}, {}] }, chromium), false);
});

test("possibly playable files are tried", () => {
  assert.equal(mayPlay(media("mov,mp4,m4a,3gp,3g2,mj2", "h264"), chromium), true);
  assert.equal(mayPlay(media("matroska,webm", "vp9"), chromium), true);
  assert.equal(
    mayPlay(media("mov,mp4,m4a,3gp,3g2,mj2", "hevc"), () => "maybe"),
    true,
  );
  assert.equal(mayPlay(null, chromium), true);
});
