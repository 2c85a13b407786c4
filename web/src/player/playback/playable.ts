// Prediction whether a browser can play a file. Pure.
import type { Media } from "../../api/types.ts";

/** Browser codec strings by FFmpeg's codec names; other codecs are not played by any browser. */
const CODECS: Record<string, string> = {
  h264: 'video/mp4; codecs="avc1.640028"',
  hevc: 'video/mp4; codecs="hvc1.1.6.L93.B0"',
  av1: 'video/mp4; codecs="av01.0.05M.08"',
  vp8: 'video/webm; codecs="vp8"',
  vp9: 'video/webm; codecs="vp9"',
  theora: 'video/ogg; codecs="theora"',
};

const CONTAINERS = /\b(mov|mp4|m4v|3gp|webm|matroska|ogg)\b/;

/** False when the browser certainly cannot play it; true when it may. */
export function mayPlay(media: Media | null, canPlayType: (type: string) => string): boolean {
  if (!media) return true;
  // A browser would count from elsewhere, or stop where the clock breaks.
  if (media.start_ms || media.clock) return false;
  const type = CODECS[media.codec];
  return CONTAINERS.test(media.container) && type !== undefined && canPlayType(type) !== "";
}

/** Why a playable copy is needed, as text. */
export function whyNot(media: Media | null): string {
  if (!media) return "Your browser cannot play this file.";
  return `Your browser cannot play ${media.codec} video in ${media.container.split(",")[0]} files.`;
}
