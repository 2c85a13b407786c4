// The part of a frame that shows an object. Pure; in pixels of the displayed frame.
import type { Box } from "../api/types.ts";

export interface Size {
  width: number;
  height: number;
}

/** How much of the object's surroundings is shown on each side, as a part of its size. */
const MARGIN = 0.12;
/** Least part of the frame's width or height that is shown, so that a tiny object is not only coarse pixels. */
const LEAST = 0.08;

/** The smallest part of the frame with the proportions of `shape` around a box and its margin: centred on the box,
 * moved into the frame, and cut where the frame is smaller. */
export function cropOf(box: Box, frame: Size, shape: Size): { x: number; y: number } & Size {
  const wanted = {
    width: Math.max((box[2] - box[0]) * (1 + 2 * MARGIN), frame.width * LEAST),
    height: Math.max((box[3] - box[1]) * (1 + 2 * MARGIN), frame.height * LEAST),
  };
  const scale = Math.max(wanted.width / shape.width, wanted.height / shape.height);
  const width = Math.min(frame.width, shape.width * scale);
  const height = Math.min(frame.height, shape.height * scale);
  const inside = (middle: number, length: number, whole: number) =>
    Math.min(Math.max(0, middle - length / 2), whole - length);
  return {
    x: inside((box[0] + box[2]) / 2, width, frame.width),
    y: inside((box[1] + box[3]) / 2, height, frame.height),
    width,
    height,
  };
}
