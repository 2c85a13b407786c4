// Geometry of the stage. Pure; in CSS pixels of the stage unless stated otherwise.

export interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** The largest centred rectangle with the picture's aspect ratio in the stage, as with object-fit: contain. */
export function fitted(stageWidth: number, stageHeight: number, width: number, height: number): Rect {
  if (!(width > 0 && height > 0)) return { x: 0, y: 0, width: stageWidth, height: stageHeight };
  const scale = Math.min(stageWidth / width, stageHeight / height);
  const shown = { width: width * scale, height: height * scale };
  return { x: (stageWidth - shown.width) / 2, y: (stageHeight - shown.height) / 2, ...shown };
}

/** A box of the displayed frame (pixels of `size`) on the stage. Both directions scale independently, for non-square
 * pixels and smaller copies. */
export function placed(
  box: readonly [number, number, number, number],
  size: { width: number; height: number },
  picture: Rect,
): Rect {
  const across = picture.width / size.width;
  const down = picture.height / size.height;
  return {
    x: picture.x + box[0] * across,
    y: picture.y + box[1] * down,
    width: (box[2] - box[0]) * across,
    height: (box[3] - box[1]) * down,
  };
}
