// Draws the boxes of a live picture over it.
import { effect } from "@preact/signals";
import { wantedColouring } from "../lib/colouring.ts";
import { colouringFor } from "../lib/palette.ts";
import { drawBoxes, passing } from "../player/stage/draw-boxes.ts";
import { drawZones, type Zones } from "../player/stage/draw-zones.ts";
import { fitted } from "../player/stage/geometry.ts";
import { followPictures } from "../player/stage/overlay.ts";
import type { LiveFeed } from "./live-feed.ts";

export interface OverlayOptions {
  names: boolean;
  region: readonly [number, number, number, number] | null;
  hidden: ReadonlySet<string>;
  minScore: number;
  /** Zones and lines that are drawn too. */
  scene: Zones | null;
}

interface Layers {
  video: HTMLVideoElement;
  jpeg: HTMLCanvasElement;
  boxes: HTMLCanvasElement;
}

/** Start drawing; the returned function stops it. */
export function attachLiveOverlay(feed: LiveFeed, layers: Layers, options: () => OverlayOptions): () => void {
  const { video, boxes } = layers;
  const stopPictures = followPictures(video, (ms, exact) => feed.presented(ms, exact));
  const draw = () => paint(feed, layers, options());
  const stopDrawing = effect(() => {
    feed.revision.value;
    wantedColouring.value;
    draw();
  });
  const resized = new ResizeObserver(() => {
    boxes.width = Math.round(boxes.clientWidth * devicePixelRatio);
    boxes.height = Math.round(boxes.clientHeight * devicePixelRatio);
    draw();
  });
  resized.observe(boxes);
  return () => {
    stopPictures();
    stopDrawing();
    resized.disconnect();
  };
}

function paint(feed: LiveFeed, { video, jpeg, boxes }: Layers, options: OverlayOptions): void {
  const context = boxes.getContext("2d") as CanvasRenderingContext2D;
  const { clientWidth, clientHeight } = boxes;
  const scale = boxes.width / Math.max(1, clientWidth);
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, clientWidth, clientHeight);
  const shown = feed.shown();
  const detections = shown ? passing(shown.frame.detections, options.minScore, options.hidden) : [];
  const still = video.videoWidth === 0;
  const width = still ? jpeg.width : video.videoWidth;
  const height = still ? jpeg.height : video.videoHeight;
  const picture = fitted(clientWidth, clientHeight, width, height);
  const size = shown?.frame ?? { width, height };
  const held = shown?.held ?? false;
  const { names, region, scene } = options;
  const colouring = colouringFor(detections, wantedColouring.peek());
  if (scene && feed.pictured.peek()) drawZones(context, scene, picture);
  if (feed.pictured.peek())
    drawBoxes(context, { detections, size, picture, region, dashed: held, names, places: feed.places, colouring });
  // The content of the canvas, for tests.
  Object.assign(boxes.dataset, {
    time: feed.pictured.peek() ? feed.shownMs.toFixed(3) : "",
    frame: shown ? String(shown.frame.frame) : "",
    boxes: String(detections.length),
    held: String(held),
    colouring,
  });
}
