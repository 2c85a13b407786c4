// Keyboard shortcuts. Pure.

export type Action =
  | "toggle"
  | "back"
  | "forward"
  | "far-back"
  | "far-forward"
  | "previous-frame"
  | "next-frame"
  | "slower"
  | "faster"
  | "start"
  | "end"
  | "previous-appearance"
  | "next-appearance"
  | "names"
  | "colouring"
  | "mute"
  | "fullscreen"
  | "help";

interface Pressed {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
}

/** All shortcuts, as in the dialog: keys, action, description. */
export const SHORTCUTS: readonly (readonly [readonly string[], Action, string])[] = [
  [[" ", "k"], "toggle", "Play or pause"],
  [["ArrowLeft"], "back", "Back 5 seconds"],
  [["ArrowRight"], "forward", "Forward 5 seconds"],
  [["j"], "far-back", "Back 10 seconds"],
  [["l"], "far-forward", "Forward 10 seconds"],
  [[","], "previous-frame", "Previous frame"],
  [["."], "next-frame", "Next frame"],
  [["["], "previous-appearance", "Previous appearance of the selected label"],
  [["]"], "next-appearance", "Next appearance of the selected label"],
  [["<"], "slower", "Slower"],
  [[">"], "faster", "Faster"],
  [["Home"], "start", "Go to the start"],
  [["End"], "end", "Go to the end"],
  [["n"], "names", "Show or hide box labels"],
  [["c"], "colouring", "Colour boxes by track or label"],
  [["m"], "mute", "Mute or unmute"],
  [["f"], "fullscreen", "Full screen"],
  [["?"], "help", "Show this list"],
];

const actions = new Map(SHORTCUTS.flatMap(([keys, action]) => keys.map((key) => [key, action] as const)));

/** The action of a key, or null; combinations with Ctrl, Alt or Meta belong to the browser. */
export function actionOf(pressed: Pressed): Action | null {
  if (pressed.ctrlKey || pressed.metaKey || pressed.altKey) return null;
  const key = pressed.key.length === 1 ? pressed.key.toLowerCase() : pressed.key;
  return actions.get(key) ?? null;
}

/** Kinds of focused elements, which handle some keys themselves. */
export type Owner = "nothing" | "button" | "slider" | "text";

const ARROWS: ReadonlySet<string> = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"]);

export function isFree(key: string, owner: Owner): boolean {
  if (owner === "text") return false;
  if (owner === "button") return key !== " " && key !== "Enter";
  return owner === "slider" ? !ARROWS.has(key) : true;
}

/** The display name of a key. */
export function keyName(key: string): string {
  const names: Record<string, string> = { " ": "Space", ArrowLeft: "←", ArrowRight: "→" };
  return names[key] ?? (key.length === 1 ? key.toUpperCase() : key);
}

export const SPEEDS = [0.1, 0.25, 0.5, 1, 1.5, 2, 4, 8] as const;

/** The next speed up (1) or down (-1). */
export function nextSpeed(now: number, direction: 1 | -1): number {
  const others = direction === 1 ? SPEEDS.filter((speed) => speed > now) : SPEEDS.filter((speed) => speed < now);
  return (direction === 1 ? others[0] : others.at(-1)) ?? now;
}
