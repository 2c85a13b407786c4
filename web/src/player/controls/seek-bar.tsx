// The seek bar: a slider for pointer, keyboard and screen readers.
import { useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { clock } from "../../lib/time-format.ts";
import type { Player } from "../playback/player.ts";

/** Interval of updates for screen readers during playback (ms). */
const TELL_MS = 1000;

export function SeekBar({ player }: { player: Player }) {
  const bar = useRef<HTMLDivElement>(null);
  const told = useRef({ at: 0, ms: -1 });
  useSignalEffect(() => {
    const element = bar.current;
    const [ms, start, end] = [player.time.value, player.start.value, player.end.value];
    const { frontier } = { frontier: player.frontier.value };
    if (!element) return;
    const length = Math.max(1, end - start);
    element.style.setProperty("--at", String(Math.min(1, Math.max(0, (ms - start) / length))));
    element.style.setProperty("--done", String(frontier === null ? 1 : Math.min(1, (frontier - start) / length)));
    const now = performance.now();
    if (player.playing.value && now - told.current.at < TELL_MS) return;
    told.current = { at: now, ms };
    element.setAttribute("aria-valuemin", String(Math.round(start)));
    element.setAttribute("aria-valuemax", String(Math.round(end)));
    element.setAttribute("aria-valuenow", String(Math.round(ms)));
    element.setAttribute("aria-valuetext", `${clock(ms, 1)} of ${clock(end)}`);
  });
  const to = (event: PointerEvent) => {
    const box = (bar.current as HTMLDivElement).getBoundingClientRect();
    const fraction = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    player.seek(player.start.value + fraction * (player.end.value - player.start.value));
  };
  return (
    <div
      ref={bar}
      class="seek-bar"
      role="slider"
      tabIndex={0}
      aria-label="Position in the video"
      aria-valuemin={0}
      aria-valuemax={Math.round(player.end.peek())}
      aria-valuenow={0}
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        to(event);
      }}
      onPointerMove={(event) => {
        if (event.currentTarget.hasPointerCapture(event.pointerId)) to(event);
      }}
      onKeyDown={(event) => {
        const way = keyStep(event.key, player);
        if (way === null || event.ctrlKey || event.metaKey || event.altKey) return;
        event.preventDefault();
        event.stopPropagation();
        player.seek(way);
      }}
    >
      <div class="track">
        <div class="done" />
        <div class="played" />
      </div>
      <div class="knob" />
    </div>
  );
}

/** Target time of a key on the slider (ms), or null. */
function keyStep(key: string, player: Player): number | null {
  const now = player.time.value;
  const page = Math.max(10_000, (player.end.value - player.start.value) / 10);
  const steps: Record<string, number> = {
    ArrowLeft: now - 5000,
    ArrowDown: now - 5000,
    ArrowRight: now + 5000,
    ArrowUp: now + 5000,
    PageDown: now - page,
    PageUp: now + page,
    Home: player.start.value,
    End: player.end.value,
  };
  return steps[key] ?? null;
}
