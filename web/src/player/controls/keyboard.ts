// Global keyboard shortcuts, unless the focused element uses the key.
import { type Signal, signal } from "@preact/signals";
import { setColouring } from "../../lib/colouring.ts";
import type { Player } from "../playback/player.ts";
import { type Action, actionOf, isFree, nextSpeed, type Owner } from "./keys.ts";

const STORED = "keys";

/** Whether shortcuts are enabled; stored in the browser, since single letters interfere with speech input. */
export const keysEnabled: Signal<boolean> = signal(stored() !== "off");

keysEnabled.subscribe((on) => {
  try {
    localStorage.setItem(STORED, on ? "on" : "off");
  } catch {
    // Storage may be disabled; then the choice lasts until the page closes.
  }
});

export interface Others {
  full: () => void;
  help: () => void;
  appearance: (direction: "next" | "previous") => void;
}

/** Listen for keys; the returned function stops it. */
export function listenToKeys(player: Player, others: Others): () => void {
  const off = new AbortController();
  addEventListener(
    "keydown",
    (event) => {
      const action = actionOf(event);
      if (!action || event.defaultPrevented || (event.repeat && action === "toggle")) return;
      if (!keysEnabled.peek() && action !== "help") return;
      if (document.querySelector("dialog[open]") || !isFree(event.key, ownerOf(event.target))) return;
      event.preventDefault();
      act(action, player, others);
    },
    { signal: off.signal },
  );
  return () => off.abort();
}

function act(action: Action, player: Player, others: Others): void {
  const actions: Record<Action, () => void> = {
    toggle: () => player.toggle(),
    back: () => player.skip(-5000),
    forward: () => player.skip(5000),
    "far-back": () => player.skip(-10_000),
    "far-forward": () => player.skip(10_000),
    "previous-frame": () => player.step(-1),
    "next-frame": () => player.step(1),
    slower: () => player.setRate(nextSpeed(player.rate.peek(), -1)),
    faster: () => player.setRate(nextSpeed(player.rate.peek(), 1)),
    start: () => player.seek(player.start.peek()),
    end: () => player.seek(player.end.peek()),
    "previous-appearance": () => others.appearance("previous"),
    "next-appearance": () => others.appearance("next"),
    names: () => {
      player.names.value = !player.names.peek();
    },
    colouring: () => setColouring(player.colouring.peek() === "track" ? "label" : "track"),
    mute: () => player.setVolume(player.volume.peek() || 1, !player.muted.peek()),
    fullscreen: others.full,
    help: others.help,
  };
  actions[action]();
}

function ownerOf(target: EventTarget | null): Owner {
  if (!(target instanceof HTMLElement)) return "nothing";
  if (target.isContentEditable || target.matches("select, textarea")) return "text";
  if (target instanceof HTMLInputElement) {
    if (target.type === "range") return "slider";
    return target.type === "checkbox" || target.type === "radio" ? "button" : "text";
  }
  if (target.getAttribute("role") === "slider") return "slider";
  return target.closest("button, a[href], summary") ? "button" : "nothing";
}

function stored(): string | null {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null;
  }
}
