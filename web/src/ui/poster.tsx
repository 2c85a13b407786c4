import { useEffect, useState } from "preact/hooks";
import { Icon } from "./icons.tsx";

const AGAIN_MS = 3000;
const MOST_AGAIN = 5;

interface Props {
  src: string | null | undefined;
  /** It may also be a video of one frame. */
  film?: boolean;
  /** It may not be stored yet: it is asked for again, a few times. */
  fresh?: boolean;
}

/** The poster of a video, or a placeholder icon. */
export function Poster({ src, film = false, fresh = false }: Props) {
  const [tried, setTried] = useState(0);
  const [again, setAgain] = useState(0);
  const failed = Boolean(src) && tried > (film ? 1 : 0);
  useEffect(() => {
    setTried(0);
    setAgain(0);
  }, [src]);
  useEffect(() => {
    if (!failed || !fresh || again === MOST_AGAIN) return;
    const timer = setTimeout(() => {
      setTried(0);
      setAgain(again + 1);
    }, AGAIN_MS);
    return () => clearTimeout(timer);
  }, [failed, fresh, again]);
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
