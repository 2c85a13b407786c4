// The player as a whole: picture or notice, buttons, keys, full screen.
import { signal } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Copy } from "../job/rendition.ts";
import { request } from "../lib/api.ts";
import { Controls } from "./controls.tsx";
import { CopyNotice } from "./copy-notice.tsx";
import { keysEnabled, listenToKeys } from "./keyboard.ts";
import type { Player } from "./player.ts";
import { Shortcuts } from "./shortcuts.tsx";
import { Stage } from "./stage.tsx";
import { mayPlay } from "./support.ts";
import "./controls.css";
import "./player.css";

interface Props {
  player: Player;
  onAppearance: (direction: "next" | "previous") => void;
}

type Source = { kind: "original" | "copy" | "none"; url: string };

export function PlayerView({ player, onAppearance }: Props) {
  const frame = useRef<HTMLElement>(null);
  const [full, setFull] = useState(false);
  const help = useMemo(() => signal(false), []);
  const [source, unplayable, copy] = useSource(player);
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
      {source.kind === "none" ? (
        <CopyNotice player={player} copy={copy} />
      ) : (
        <Stage key={source.url} player={player} source={source.url} onUnplayable={unplayable} />
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

/** What to play: the file itself, else a copy that is made for it. */
function useSource(player: Player): [Source, () => void, Copy] {
  const { id, media } = player.video;
  const original = `/api/v1/videos/${id}/content`;
  const copy = useMemo(() => new Copy(`/api/v1/videos/${id}/renditions/playable`), [id]);
  const [refused, setRefused] = useState(
    () => !mayPlay(media, (type) => document.createElement("video").canPlayType(type)),
  );
  const [attempt, setAttempt] = useState(0);
  const [copyFails, setCopyFails] = useState(false);
  const ready = copy.state.value?.state === "ready" ? copy.state.value.links.content : null;
  useEffect(() => () => copy.close(), [copy]);
  useEffect(() => {
    if (refused) void copy.ask();
  }, [refused, copy]);
  const unplayable = () => {
    if (refused) setCopyFails(true);
    else void reachable(original).then((there) => (there && attempt > 0 ? setRefused(true) : setAttempt(attempt + 1)));
  };
  if (!refused) return [{ kind: "original", url: attempt ? `${original}#${attempt}` : original }, unplayable, copy];
  return [ready && !copyFails ? { kind: "copy", url: ready } : { kind: "none", url: "" }, unplayable, copy];
}

/** Whether the file can be had: asking also renews a session that ran out, which ends a video like a bad file does. */
async function reachable(url: string): Promise<boolean> {
  try {
    await request("GET", url, { headers: { Range: "bytes=0-0" } });
    return true;
  } catch {
    await new Promise((wait) => setTimeout(wait, 2000));
    return false;
  }
}

async function toggleFullScreen(element: HTMLElement | null): Promise<void> {
  if (document.fullscreenElement) await document.exitFullscreen();
  else await element?.requestFullscreen?.().catch(() => undefined);
}
