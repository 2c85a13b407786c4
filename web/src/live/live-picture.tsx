import { useSignalEffect } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import type { LiveFeed } from "./live-feed.ts";
import { attachLiveOverlay, type OverlayOptions } from "./live-overlay.ts";
import { useSeen } from "./visibility.ts";
import "./live.css";

interface Props extends Partial<OverlayOptions> {
  feed: LiveFeed;
  /** For screen readers. */
  label: string;
  /** False while there is nothing to load. */
  on?: boolean;
}

const NONE: ReadonlySet<string> = new Set();

/** The running picture of a stream with its boxes. It loads only while it is seen. */
export function LivePicture(props: Props) {
  const { feed, label, on = true, names = true, region = null, hidden = NONE, minScore = 0, scene = null } = props;
  const frame = useRef<HTMLDivElement>(null);
  const video = useRef<HTMLVideoElement>(null);
  const jpeg = useRef<HTMLCanvasElement>(null);
  const boxes = useRef<HTMLCanvasElement>(null);
  const [isJpeg, setIsJpeg] = useState(false);
  const seen = useSeen(frame);
  const options = useRef<OverlayOptions>({ names, region, hidden, minScore, scene });
  options.current = { names, region, hidden, minScore, scene };
  useEffect(() => {
    const layers = {
      video: video.current as HTMLVideoElement,
      jpeg: jpeg.current as HTMLCanvasElement,
      boxes: boxes.current as HTMLCanvasElement,
    };
    feed.attach(layers.video, layers.jpeg);
    return attachLiveOverlay(feed, layers, () => options.current);
  }, [feed]);
  useEffect(() => {
    if (!seen || !on) return;
    feed.open();
    return () => feed.close();
  }, [feed, seen, on]);
  useEffect(() => {
    feed.revision.value += 1;
  }, [names, region, hidden, minScore, scene]);
  useSignalEffect(() => setIsJpeg(feed.config.value?.mime === "image/jpeg"));
  return (
    <div class="live-picture" ref={frame} role="img" aria-label={label}>
      <video ref={video} muted playsInline disablePictureInPicture tabIndex={-1} hidden={isJpeg} />
      <canvas class="live-jpeg" ref={jpeg} hidden={!isJpeg} />
      <canvas
        class="live-boxes"
        ref={boxes}
        data-frame=""
        data-boxes="0"
        data-held="false"
        data-time=""
        data-colouring="label"
      />
    </div>
  );
}
