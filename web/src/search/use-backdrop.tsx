// The picture to draw on: the poster of a video, or the running picture of a stream.
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { LiveFeed } from "../live/live-feed.ts";
import { LivePicture } from "../live/live-picture.tsx";
import { type Footage, footageOf } from "../stills/video-facts.ts";
import type { Backdrop } from "./backdrops.ts";

const USUAL = { width: 16, height: 9 };

/** The picture, and its width by its height. */
export function useBackdrop(of: Backdrop["of"] | null): { aspect: number; picture: ComponentChildren } {
  const video = of && "video" in of ? of.video : null;
  const stream = of && "stream" in of ? of.stream : null;
  const [footage, setFootage] = useState<Footage | null>(null);
  const feed = useMemo(() => (stream ? new LiveFeed(stream) : null), [stream]);
  useEffect(() => {
    let over = false;
    const take = (found: Footage | null) => over || setFootage(found);
    take(null);
    if (video) footageOf(video).then(take, () => take(null));
    return () => {
      over = true;
    };
  }, [video]);
  const { width, height } = feed?.shape() ?? footage?.size ?? USUAL;
  const still = footage?.poster && <img src={footage.poster} alt="" draggable={false} />;
  return {
    aspect: width / height,
    picture: feed ? <LivePicture feed={feed} label="Running picture" key={stream} /> : still,
  };
}
