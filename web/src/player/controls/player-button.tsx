// Buttons of the player and the timeline; icons are drawn on a grid of 24 by 24.
const PATHS = {
  play: "M8 5v14l11-7z",
  pause: "M7 5h4v14H7zM13 5h4v14h-4z",
  previous: "M6 5h2.5v14H6zM19 5v14l-9-7z",
  next: "M15.5 5H18v14h-2.5zM5 5v14l9-7z",
  loud: "M4 9v6h4l5 4V5L8 9zM15.5 8.2a5 5 0 0 1 0 7.6M18 5.5a9 9 0 0 1 0 13",
  silent: "M4 9v6h4l5 4V5L8 9zM16 9.5l5 5M21 9.5l-5 5",
  full: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  small: "M9 4v5H4M20 9h-5V4M15 20v-5h5M4 15h5v5",
  tag: "M4 4h8l8 8-8 8-8-8z",
  keys: "M3 6h18v12H3zM6.5 10h1M10 10h1M13.5 10h1M17 10h.5M8 14.5h8",
  closer: "M10.5 4a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13zM15.5 15.5 20 20M10.5 7.5v6M7.5 10.5h6",
  farther: "M10.5 4a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13zM15.5 15.5 20 20M7.5 10.5h6",
  before: "M15 5l-7 7 7 7",
  after: "M9 5l7 7-7 7",
} as const;

export type IconName = keyof typeof PATHS;

const FILLED: ReadonlySet<string> = new Set(["play", "pause", "previous", "next"]);

export function Icon({ name }: { name: IconName }) {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true" class={FILLED.has(name) ? "sign filled" : "sign"}>
      <path d={PATHS[name]} />
    </svg>
  );
}

interface ButtonProps {
  icon: IconName;
  label: string;
  /** Keyboard shortcut, for the tooltip. */
  hint?: string;
  pressed?: boolean;
  disabled?: boolean;
  onClick: () => void;
}

/** A button with an icon; its name is read by screen readers and shown as a tooltip. */
export function PlayerButton({ icon, label, hint, pressed, disabled, onClick }: ButtonProps) {
  return (
    <button
      type="button"
      class="stage-button"
      aria-label={label}
      title={hint ? `${label} (${hint})` : label}
      {...(pressed === undefined ? {} : { "aria-pressed": pressed })}
      disabled={disabled ?? false}
      onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  );
}
