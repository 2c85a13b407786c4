// Drawing of boxes on a canvas.

import type { Detection } from "../../api/types.ts";
import { colourOf } from "../../lib/palette.ts";
import { placed, type Rect } from "./geometry.ts";
import { type Name, placeNames } from "./names.ts";

export interface Scene {
  detections: readonly Detection[];
  /** Size of the displayed frame, in whose pixels boxes are. */
  size: { width: number; height: number };
  /** Position of the picture on the stage, in CSS pixels. */
  picture: Rect;
  /** The processed region, 0 to 1 of the frame; null for all of it. */
  region: readonly [number, number, number, number] | null;
  /** Not of this very picture: boxes of an earlier one, or filled-in ones. */
  dashed: boolean;
  names: boolean;
  /** The place of a label, for its colour. */
  places: ReadonlyMap<string, number>;
}

const FONT = "600 12px system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif";
const PLATE = { height: 18, padding: 5, stripe: 4 };
/** Maximum number of labels; with more boxes only the best ones get one. */
const MOST_NAMES = 40;

/** The objects that pass the filters, in the order of the results. */
export function passing(
  detections: readonly Detection[],
  minScore: number,
  hidden: ReadonlySet<string>,
): readonly Detection[] {
  return detections.filter((found) => found.score >= minScore && !hidden.has(found.label));
}

/** Draw a scene on a cleared context with CSS pixels as unit. */
export function drawScene(context: CanvasRenderingContext2D, scene: Scene): void {
  if (scene.region) drawRegion(context, scene.region, scene.picture);
  context.lineJoin = "round";
  const boxes = scene.detections.map((found) => placed(found.box, scene.size, scene.picture));
  for (const [index, found] of scene.detections.entries()) {
    outline(context, boxes[index] as Rect, colourOf(scene.places.get(found.label)), scene.dashed);
  }
  if (!scene.names) return;
  context.font = FONT;
  context.textBaseline = "middle";
  const named = [...scene.detections.entries()].sort(([, a], [, b]) => b.score - a.score).slice(0, MOST_NAMES);
  const names = named.map(([index, found]) => nameOf(context, found, boxes[index] as Rect));
  for (const [rank, place] of placeNames(names, scene.picture).entries()) {
    const [, found] = named[rank] as [number, Detection];
    if (place) plate(context, place, textOf(found), colourOf(scene.places.get(found.label)));
  }
}

function textOf(found: Detection): string {
  return `${found.label} ${Math.round(found.score * 100)}`;
}

/** A name over the outline of its box. */
function nameOf(context: CanvasRenderingContext2D, found: Detection, box: Rect): Name {
  const width = PLATE.stripe + widthOf(context, textOf(found)) + 2 * PLATE.padding;
  return { box: { ...box, x: box.x - 2, y: box.y - 2 }, width, height: PLATE.height };
}

/** A coloured line between two dark ones, visible on any background. */
function outline(context: CanvasRenderingContext2D, box: Rect, colour: string, dashed: boolean): void {
  context.setLineDash(dashed ? [7, 5] : []);
  context.strokeStyle = "rgb(0 0 0 / 0.75)";
  context.lineWidth = 4.5;
  context.strokeRect(box.x, box.y, box.width, box.height);
  context.strokeStyle = colour;
  context.lineWidth = 2.5;
  context.strokeRect(box.x, box.y, box.width, box.height);
  context.setLineDash([]);
}

function plate(context: CanvasRenderingContext2D, place: Rect, text: string, colour: string): void {
  context.fillStyle = "rgb(12 15 19 / 0.86)";
  context.fillRect(place.x, place.y, place.width, place.height);
  context.fillStyle = colour;
  context.fillRect(place.x, place.y, PLATE.stripe, place.height);
  context.fillStyle = "#ffffff";
  context.fillText(text, place.x + PLATE.stripe + PLATE.padding, place.y + place.height / 2 + 0.5);
}

const widths = new Map<string, number>();

/** Cached, since measuring text costs more than drawing it. */
function widthOf(context: CanvasRenderingContext2D, text: string): number {
  let width = widths.get(text);
  if (width === undefined) {
    if (widths.size > 4000) widths.clear();
    width = context.measureText(text).width;
    widths.set(text, width);
  }
  return width;
}

function drawRegion(
  context: CanvasRenderingContext2D,
  region: readonly [number, number, number, number],
  picture: Rect,
): void {
  const inside = placed(region, { width: 1, height: 1 }, picture);
  context.fillStyle = "rgb(0 0 0 / 0.45)";
  context.beginPath();
  context.rect(picture.x, picture.y, picture.width, picture.height);
  context.rect(inside.x, inside.y, inside.width, inside.height);
  context.fill("evenodd");
}
