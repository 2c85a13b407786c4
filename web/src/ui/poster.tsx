import { useEffect, useState } from "preact/hooks";
import { Icon } from "./icons.tsx";

/** The poster of a video, or a placeholder icon. */
export function Poster({ src }: { src: string | null | undefined }) {
  const [broken, setBroken] = useState(false);
  useEffect(() => setBroken(false), [src]);
  return (
    <span class="poster">
      {src && !broken ? (
        <img src={src} alt="" loading="lazy" decoding="async" onError={() => setBroken(true)} />
      ) : (
        <Icon name="film" />
      )}
    </span>
  );
}
