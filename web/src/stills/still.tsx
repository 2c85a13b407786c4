// The picture of a track when it comes onto the screen: that of the service, else its part of a frame of the video.
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Box } from "../api/types.ts";
import { cropOf, type Size } from "./crop.ts";
import { servedPicture } from "./served.ts";
import { withFrame } from "./stills.ts";
import { footageOf } from "./video-facts.ts";
import "./stills.css";

interface Props {
  job: string;
  track: number;
  video: string;
  /** Time of its best frame in seconds. */
  at: number;
  box: Box;
}

const SHAPE: Size = { width: 192, height: 144 };
/** Maximum number of pictures that are kept. */
const MOST = 400;
const taken = new Map<string, ImageBitmap>();

export function Still(props: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const key = Object.values(props).join(" ");
  // Without state, since a wall of these must not be drawn anew for each picture.
  useLayoutEffect(() => {
    const element = canvas.current as HTMLCanvasElement;
    const known = taken.get(key);
    if (known) return show(element, known);
    element.dataset.state = "waiting";
    let controller: AbortController | null = null;
    const fill = async (signal: AbortSignal) => {
      try {
        const picture = taken.get(key) ?? (await take(props, signal));
        keep(key, picture);
        if (!signal.aborted) show(element, picture);
      } catch {
        if (!signal.aborted) element.dataset.state = "none";
      }
    };
    const seen = new IntersectionObserver(
      (entries) => {
        const visible = entries.some(({ isIntersecting }) => isIntersecting);
        if (visible === Boolean(controller)) return;
        controller?.abort();
        controller = visible ? new AbortController() : null;
        if (controller) void fill(controller.signal);
      },
      { rootMargin: "120px" },
    );
    seen.observe(element);
    return () => {
      seen.disconnect();
      controller?.abort();
    };
  }, [key]);
  return (
    <span class="still" aria-hidden="true">
      <canvas ref={canvas} width={SHAPE.width} height={SHAPE.height} />
      <span>no picture</span>
    </span>
  );
}

function show(element: HTMLCanvasElement, picture: ImageBitmap): void {
  const context = element.getContext("2d");
  context?.clearRect(0, 0, SHAPE.width, SHAPE.height);
  context?.drawImage(picture, (SHAPE.width - picture.width) / 2, (SHAPE.height - picture.height) / 2);
  element.dataset.state = "shown";
}

async function take({ job, track, video, at, box }: Props, signal: AbortSignal): Promise<ImageBitmap> {
  const served = await servedPicture(job, track, signal);
  return served ? scaled(served) : cut(video, at, box, signal);
}

/** A picture in the size in which it is kept. */
async function scaled(picture: ImageBitmap): Promise<ImageBitmap> {
  const small = await createImageBitmap(picture, fitted(picture));
  picture.close();
  return small;
}

/** The part of a frame around a box, taken from the video. */
async function cut(video: string, at: number, box: Box, signal: AbortSignal): Promise<ImageBitmap> {
  const { url, size, fps } = await footageOf(video);
  if (!url) throw new Error("the browser cannot play this video");
  const part = cropOf(box, size, SHAPE);
  return withFrame(
    url,
    // The middle of the frame, since a seek to its start may show the previous one.
    at + 0.5 / fps,
    (shown) => {
      const [across, down] = [shown.videoWidth / size.width, shown.videoHeight / size.height];
      return createImageBitmap(
        shown,
        Math.round(part.x * across),
        Math.round(part.y * down),
        Math.max(1, Math.round(part.width * across)),
        Math.max(1, Math.round(part.height * down)),
        fitted(part),
      );
    },
    signal,
  );
}

/** The size of a part on the picture. */
function fitted({ width, height }: Size): ImageBitmapOptions {
  const scale = Math.min(SHAPE.width / width, SHAPE.height / height);
  return {
    resizeWidth: Math.max(1, Math.round(width * scale)),
    resizeHeight: Math.max(1, Math.round(height * scale)),
    resizeQuality: "medium",
  };
}

function keep(key: string, picture: ImageBitmap): void {
  taken.delete(key);
  taken.set(key, picture);
  const [oldest] = taken.keys();
  if (taken.size > MOST && oldest) taken.delete(oldest);
}
