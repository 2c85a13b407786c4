// Keeps the boxes on the canvas in sync with the video under it.
import { effect } from "@preact/signals";
import type { Player } from "../playback/player.ts";
import { drawBoxes, passing } from "./draw-boxes.ts";
import { drawZones } from "./draw-zones.ts";
import { fitted } from "./geometry.ts";

/** Start drawing; the returned function stops it. The canvas covers the whole stage. */
export function attachOverlay(player: Player, video: HTMLVideoElement, canvas: HTMLCanvasElement): () => void {
  const context = canvas.getContext("2d") as CanvasRenderingContext2D;
  const draw = () => paint(player, video, canvas, context);
  const stopPictures = followPictures(video, (ms, exact) => player.presented(ms, exact));
  const stopDrawing = effect(() => {
    // Each of these changes the drawing.
    const { pictured, minScore, hidden, names, places, revision, colouring, chosen, scene } = player;
    for (const input of [pictured, minScore, hidden, names, places, revision, colouring, chosen, scene]) input.value;
    draw();
  });
  const resized = new ResizeObserver(() => {
    const scale = devicePixelRatio;
    canvas.width = Math.round(canvas.clientWidth * scale);
    canvas.height = Math.round(canvas.clientHeight * scale);
    draw();
  });
  resized.observe(canvas);
  return () => {
    stopPictures();
    stopDrawing();
    resized.disconnect();
  };
}

/** Call back for each displayed picture, with its time. */
export function followPictures(video: HTMLVideoElement, shown: (ms: number, exact: boolean) => void): () => void {
  if ("requestVideoFrameCallback" in video) {
    let handle = video.requestVideoFrameCallback(function next(_now, picture) {
      handle = video.requestVideoFrameCallback(next);
      shown(picture.mediaTime * 1000, true);
    });
    return () => video.cancelVideoFrameCallback(handle);
  }
  const element = video as HTMLVideoElement;
  let last = -1;
  let handle = requestAnimationFrame(function next() {
    handle = requestAnimationFrame(next);
    if (element.currentTime !== last && element.readyState >= 2) {
      last = element.currentTime;
      shown(last * 1000, false);
    }
  });
  return () => cancelAnimationFrame(handle);
}

function paint(
  player: Player,
  video: HTMLVideoElement,
  canvas: HTMLCanvasElement,
  context: CanvasRenderingContext2D,
): void {
  const scale = canvas.width / Math.max(1, canvas.clientWidth);
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
  const shown = player.shown();
  const detections = shown ? passing(shown.frame.detections, player.minScore.peek(), player.hidden.peek()) : [];
  const picture = fitted(canvas.clientWidth, canvas.clientHeight, video.videoWidth, video.videoHeight);
  const size = player.video.media ?? { width: video.videoWidth, height: video.videoHeight };
  const region = player.job.peek().options.region ?? null;
  const held = shown?.held ?? false;
  const dashed = held || Boolean(shown?.frame.filled);
  const scene = player.scene.peek();
  if (scene) drawZones(context, scene, picture);
  const [names, places] = [player.names.peek(), player.places.peek()];
  const [colouring, chosen] = [player.colouring.peek(), player.chosen.peek()];
  drawBoxes(context, { detections, size, picture, region, dashed, names, places, colouring, chosen });
  // The content of the canvas, for tests.
  canvas.dataset.frame = shown ? String(shown.frame.frame) : "";
  canvas.dataset.boxes = String(detections.length);
  canvas.dataset.held = String(held);
  canvas.dataset.dashed = String(dashed);
  canvas.dataset.colouring = colouring;
}
