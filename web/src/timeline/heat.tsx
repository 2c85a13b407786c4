// A strip of the whole video: where objects were detected, and which part the plot shows.
import { useEffect, useRef } from "preact/hooks";
import type { Series } from "../api/types.ts";
import { heat, isWhole, type View } from "./series-view.ts";

interface Props {
  series: Series | null;
  whole: View;
  view: View;
}

export function Heat({ series, whole, view }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const element = canvas.current as HTMLCanvasElement;
    const draw = () => paint(element, series, whole);
    const resized = new ResizeObserver(draw);
    resized.observe(element);
    return () => resized.disconnect();
  }, [series, whole.from, whole.to]);
  const width = Math.max(1, whole.to - whole.from);
  const left = (view.from - whole.from) / width;
  const share = (view.to - view.from) / width;
  return (
    <>
      <canvas class="heat" ref={canvas} />
      <div class="in-view-frame" hidden={isWhole(view, whole)}>
        <div class="in-view" style={{ left: `${left * 100}%`, width: `${Math.max(0.4, share * 100)}%` }} />
      </div>
    </>
  );
}

/** Dark without detections, bright where every frame has some, hatched where no frame was processed. */
function paint(canvas: HTMLCanvasElement, series: Series | null, whole: View): void {
  const scale = devicePixelRatio;
  const { clientWidth: width, clientHeight: height } = canvas;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d") as CanvasRenderingContext2D;
  context.scale(scale, scale);
  const style = getComputedStyle(canvas);
  hatch(context, width, height, style.outlineColor);
  context.setTransform(1, 0, 0, 1, 0, 0);
  if (!series) return;
  const perMs = width / Math.max(1, whole.to - whole.from);
  let held = -1;
  const values = heat(series);
  const last = values.findLastIndex((value) => value >= 0);
  for (const [index, value] of values.entries()) {
    // Between sampled frames, repeat the last value.
    held = value >= 0 ? value : index <= last ? held : -1;
    if (held < 0) continue;
    // Whole device pixels: no seams between buckets.
    const left = Math.round((series.from_ms + index * series.bucket_ms - whole.from) * perMs * scale);
    const right = Math.round((series.from_ms + (index + 1) * series.bucket_ms - whole.from) * perMs * scale);
    context.globalAlpha = 1;
    context.fillStyle = style.backgroundColor;
    context.fillRect(left, 0, right - left, canvas.height);
    if (held === 0) continue;
    context.globalAlpha = 0.3 + 0.7 * held;
    context.fillStyle = style.color;
    context.fillRect(left, 0, right - left, canvas.height);
  }
}

function hatch(context: CanvasRenderingContext2D, width: number, height: number, colour: string): void {
  context.strokeStyle = colour;
  context.lineWidth = 1;
  context.beginPath();
  for (let x = -height; x < width; x += 6) {
    context.moveTo(x, height);
    context.lineTo(x + height, 0);
  }
  context.stroke();
}
