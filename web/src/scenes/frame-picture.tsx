// The frame that the player shows at the moment, else the poster of the video.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Player } from "../player/playback/player.ts";

export function FramePicture({ player }: { player: Player }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [shown, setShown] = useState(true);
  useEffect(() => {
    const video = player.element;
    const there = video !== null && video.readyState >= 2 && video.videoWidth > 0;
    setShown(there);
    if (!there || !canvas.current) return;
    Object.assign(canvas.current, { width: video.videoWidth, height: video.videoHeight });
    canvas.current.getContext("2d")?.drawImage(video, 0, 0);
  }, [player]);
  const { poster } = player.video.links;
  if (shown) return <canvas ref={canvas} />;
  return poster ? <img src={poster} alt="" draggable={false} /> : null;
}
