import { useEffect, useState } from "preact/hooks";
import { Icon } from "./icons.tsx";

/** The first picture of a video, or a sign in its place. */
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
