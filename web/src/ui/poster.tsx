import { useEffect, useState } from "preact/hooks";
import { Icon } from "./icons.tsx";

/** The poster of a video, or a placeholder icon. film: it may also be a video of one frame. */
export function Poster({ src, film = false }: { src: string | null | undefined; film?: boolean }) {
  const [tried, setTried] = useState(0);
  useEffect(() => setTried(0), [src]);
  const next = () => setTried((before) => before + 1);
  return (
    <span class="poster">
      {src && tried === 0 ? (
        <img src={src} alt="" loading="lazy" decoding="async" onError={next} />
      ) : src && film && tried === 1 ? (
        <video src={src} muted playsInline preload="auto" tabIndex={-1} aria-hidden="true" onError={next} />
      ) : (
        <Icon name="film" />
      )}
    </span>
  );
}
