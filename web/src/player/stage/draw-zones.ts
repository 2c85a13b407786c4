// Drawing of a scene's zones and lines on a canvas.
import { colourOf } from "../../lib/palette.ts";
import type { Rect } from "./geometry.ts";

export interface Zones {
  zones: readonly { polygon: readonly (readonly [number, number])[] }[];
  lines: readonly { points: readonly (readonly [number, number])[] }[];
}

/** Draw zones and lines, in the order and colours of the editor. */
export function drawZones(context: CanvasRenderingContext2D, { zones, lines }: Zones, picture: Rect): void {
  const shapes = [...zones.map(({ polygon }) => polygon), ...lines.map(({ points }) => points)];
  for (const [index, points] of shapes.entries()) {
    context.beginPath();
    for (const [x, y] of points) context.lineTo(picture.x + x * picture.width, picture.y + y * picture.height);
    if (index < zones.length) context.closePath();
    for (const [width, colour] of [
      [4, "rgb(0 0 0 / 0.6)"],
      [2, colourOf(index)],
    ] as const) {
      context.lineWidth = width;
      context.strokeStyle = colour;
      context.stroke();
    }
    if (index >= zones.length) continue;
    context.globalAlpha = 0.15;
    context.fillStyle = colourOf(index);
    context.fill();
    context.globalAlpha = 1;
  }
}
