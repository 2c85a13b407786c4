import { useEffect, useRef, useState } from "preact/hooks";

interface Held {
  camera: MediaStream | null;
  setCamera(camera: MediaStream | null): void;
  /** Leave it on after the dialog. */
  keep(): void;
}

/** A camera that is switched off with the dialog that holds it, unless it is kept. */
export function useCamera(): Held {
  const [camera, setState] = useState<MediaStream | null>(null);
  const held = useRef<MediaStream | null>(null);
  const over = useRef(false);
  const kept = useRef(false);
  useEffect(
    () => () => {
      over.current = true;
      if (!kept.current) switchOff(held.current);
    },
    [],
  );
  const setCamera = (next: MediaStream | null) => {
    // It may have been allowed after the dialog was closed.
    if (over.current) switchOff(next);
    held.current = next;
    setState(next);
  };
  const keep = () => {
    kept.current = true;
  };
  return { camera, setCamera, keep };
}

export function switchOff(camera: MediaStream | null): void {
  for (const track of camera?.getTracks() ?? []) track.stop();
}
