// Drawing of boxes on a canvas.

import type { Detection } from "../../api/types.ts";
import { type Colouring, colourOf, colourOfTrack } from "../../lib/palette.ts";
import { placed, type Rect } from "./geometry.ts";
import { type Name, placeNames } from "./names.ts";

export interface BoxLayer {
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
  colouring: Colouring;
  /** A track whose boxes stand out, and the way that it took in pixels of the frame. */
  chosen?: { id: number; path: readonly { x: number; y: number }[] } | null;
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

/** Draw boxes on a cleared context with CSS pixels as unit. */
export function drawBoxes(context: CanvasRenderingContext2D, layer: BoxLayer): void {
  if (layer.region) drawRegion(context, layer.region, layer.picture);
  context.lineJoin = "round";
  if (layer.chosen) trail(context, layer);
  const boxes = layer.detections.map((found) => placed(found.box, layer.size, layer.picture));
  for (const [index, found] of layer.detections.entries()) {
    const width = found.track !== undefined && found.track === layer.chosen?.id ? 5 : 2.5;
    outline(context, boxes[index] as Rect, colourIn(layer, found), layer.dashed, width);
  }
  if (!layer.names) return;
  context.font = FONT;
  context.textBaseline = "middle";
  const named = [...layer.detections.entries()].sort(([, a], [, b]) => before(layer, a, b)).slice(0, MOST_NAMES);
  const names = named.map(([index, found]) => nameOf(context, textOf(layer, found), boxes[index] as Rect));
  for (const [rank, place] of placeNames(names, layer.picture).entries()) {
    const [, found] = named[rank] as [number, Detection];
    if (place) plate(context, place, textOf(layer, found), colourIn(layer, found));
  }
}

function colourIn({ colouring, places }: BoxLayer, found: Detection): string {
  return colouring === "track" ? colourOfTrack(found.track) : colourOf(places.get(found.label));
}

function textOf({ colouring }: BoxLayer, { label, score, track }: Detection): string {
  if (colouring === "label") return `${label} ${Math.round(score * 100)}`;
  return track === undefined ? label : `${label} ${track}`;
}

/** Order in which names get their places: the chosen track, then old tracks, whose names so stay where they are from
 * frame to frame, then the highest scores. */
function before({ colouring, chosen }: BoxLayer, a: Detection, b: Detection): number {
  const rank = ({ track }: Detection) =>
    track === undefined ? Number.MAX_SAFE_INTEGER : track === chosen?.id ? 0 : colouring === "track" ? track : 1;
  return rank(a) - rank(b) || b.score - a.score;
}

/** A name over the outline of its box. */
function nameOf(context: CanvasRenderingContext2D, text: string, box: Rect): Name {
  const width = PLATE.stripe + widthOf(context, text) + 2 * PLATE.padding;
  return { box: { ...box, x: box.x - 2, y: box.y - 2 }, width, height: PLATE.height };
}

/** A coloured line between two dark ones, visible on any background. */
function outline(context: CanvasRenderingContext2D, box: Rect, colour: string, dashed: boolean, width: number): void {
  context.setLineDash(dashed ? [7, 5] : []);
  context.strokeStyle = "rgb(0 0 0 / 0.75)";
  context.lineWidth = width + 2;
  context.strokeRect(box.x, box.y, box.width, box.height);
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.strokeRect(box.x, box.y, box.width, box.height);
  context.setLineDash([]);
}

/** The way of the chosen track. */
function trail(context: CanvasRenderingContext2D, { chosen, size, picture }: BoxLayer): void {
  if (!chosen) return;
  context.beginPath();
  for (const { x, y } of chosen.path) {
    const at = placed([x, y, x, y], size, picture);
    context.lineTo(at.x, at.y);
  }
  for (const [width, colour] of [
    [5, "rgb(0 0 0 / 0.6)"],
    [2.5, colourOfTrack(chosen.id)],
  ] as const) {
    context.lineWidth = width;
    context.strokeStyle = colour;
    context.stroke();
  }
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
