// The player: video or notice, controls, keyboard, full screen.
import { signal } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Controls } from "./controls/controls.tsx";
import { keysEnabled, listenToKeys } from "./controls/keyboard.ts";
import { Shortcuts } from "./controls/shortcuts.tsx";
import type { Player } from "./playback/player.ts";
import { useSource } from "./playback/video-source.ts";
import { CopyNotice } from "./stage/copy-notice.tsx";
import { Stage } from "./stage/stage.tsx";
import "./controls/controls.css";
import "./player.css";

interface Props {
  player: Player;
  onAppearance: (direction: "next" | "previous") => void;
}

export function PlayerView({ player, onAppearance }: Props) {
  const frame = useRef<HTMLElement>(null);
  const [full, setFull] = useState(false);
  const help = useMemo(() => signal(false), []);
  const { url, unplayable, copy } = useSource(player.video);
  const toggleFull = () => void toggleFullScreen(frame.current);
  useEffect(() => {
    const changed = () => setFull(document.fullscreenElement === frame.current);
    document.addEventListener("fullscreenchange", changed);
    return () => document.removeEventListener("fullscreenchange", changed);
  }, []);
  useEffect(() => {
    const showHelp = () => {
      help.value = true;
    };
    return listenToKeys(player, { full: toggleFull, help: showHelp, appearance: onAppearance });
  }, [player, onAppearance]);
  return (
    <section class="player" ref={frame} aria-label="Video with boxes">
      {url === null ? (
        <CopyNotice player={player} copy={copy} />
      ) : (
        <Stage key={url} player={player} source={url} onUnplayable={unplayable} />
      )}
      <Controls
        player={player}
        full={full}
        onFull={toggleFull}
        onHelp={() => {
          help.value = true;
        }}
      />
      <Shortcuts open={help} enabled={keysEnabled} />
    </section>
  );
}

/** Show an element on the whole screen, or end that. */
export async function toggleFullScreen(element: HTMLElement | null): Promise<void> {
  if (document.fullscreenElement) await document.exitFullscreen();
  else await element?.requestFullscreen?.().catch(() => undefined);
}
