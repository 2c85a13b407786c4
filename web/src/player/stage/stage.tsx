// The video with boxes drawn over it.
import { useComputed, useSignalEffect } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Player } from "../playback/player.ts";
import { hintFor } from "../results/hint.ts";
import { attachOverlay } from "./overlay.ts";

interface Props {
  player: Player;
  source: string;
  /** Called when the browser cannot play this file. */
  onUnplayable: () => void;
}

export function Stage({ player, source, onUnplayable }: Props) {
  const video = useRef<HTMLVideoElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  // Before the browser can show a picture, or fail, so that neither is missed.
  useLayoutEffect(() => {
    const element = video.current as HTMLVideoElement;
    player.attach(element);
    const stopListening = listen(player, element, onUnplayable);
    const stopDrawing = attachOverlay(player, element, canvas.current as HTMLCanvasElement);
    return () => {
      stopListening();
      stopDrawing();
      player.detach();
    };
  }, [player, source]);
  const { width, height } = player.video.media ?? { width: 16, height: 9 };
  return (
    <div class="stage" style={{ "--shape": `${width / height}` }}>
      {/* biome-ignore lint/a11y/useMediaCaption: recordings come without captions */}
      <video ref={video} src={source} preload="auto" playsInline tabIndex={-1} onClick={() => player.toggle()} />
      <canvas ref={canvas} data-frame="" data-boxes="0" data-held="false" data-dashed="false" />
      <Hint player={player} />
      <BigPlay player={player} />
    </div>
  );
}

function Hint({ player }: { player: Player }) {
  const text = useComputed(() => {
    player.revision.value;
    const ms = player.pictured.value;
    const frames = player.windows.around(ms);
    const loaded = player.windows.has(ms);
    const place = { ms, shown: player.shown(), frames, loaded, failed: player.windows.failed(ms) };
    return hintFor(place, player.job.value, player.rhythm);
  });
  return (
    <p class="stage-hint" role="status" hidden={!text.value}>
      {text}
    </p>
  );
}

/** A button over the video until it first plays or seeks. */
function BigPlay({ player }: { player: Player }) {
  const button = useRef<HTMLButtonElement>(null);
  useSignalEffect(() => {
    const begun = player.playing.value || player.time.value > player.start.value;
    if (begun && button.current) button.current.hidden = true;
  });
  return (
    <button type="button" class="big-play" ref={button} onClick={() => player.play()} aria-label="Play the video">
      <svg viewBox="0 0 24 24" aria-hidden="true">
        <path d="M8 5v14l11-7z" />
      </svg>
    </button>
  );
}

/** Update the player's state by events of the element. */
function listen(player: Player, element: HTMLVideoElement, onUnplayable: () => void): () => void {
  const off = new AbortController();
  const on = (name: string, act: () => void) => element.addEventListener(name, act, { signal: off.signal });
  const hasSound = () => {
    player.sound.value ||= soundOf(element);
  };
  on("play", () => {
    player.playing.value = true;
  });
  on("pause", () => {
    player.playing.value = false;
  });
  on("ended", () => {
    player.playing.value = false;
  });
  on("waiting", () => {
    player.waiting.value = true;
  });
  for (const name of ["playing", "canplay", "seeked"]) {
    on(name, () => {
      player.waiting.value = false;
    });
  }
  on("seeked", () => player.seeked());
  on("loadedmetadata", () => {
    // A file of which only the audio can be played has no picture.
    if (element.videoWidth === 0) onUnplayable();
    element.playbackRate = player.rate.value;
    player.seeked();
  });
  for (const name of ["loadeddata", "timeupdate"]) on(name, hasSound);
  on("error", onUnplayable);
  return () => off.abort();
}

/** Whether there is audio, as far as the browser reports it. */
function soundOf(element: HTMLVideoElement): boolean {
  const known = element as HTMLVideoElement & {
    mozHasAudio?: boolean;
    webkitAudioDecodedByteCount?: number;
    audioTracks?: { length: number };
  };
  return Boolean(known.mozHasAudio || known.webkitAudioDecodedByteCount || known.audioTracks?.length);
}
