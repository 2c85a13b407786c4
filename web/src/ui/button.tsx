import type { ButtonHTMLAttributes } from "preact";
import { Icon, type IconName } from "./icons.tsx";

interface ButtonProps extends ButtonHTMLAttributes {
  icon?: IconName;
  kind?: "primary" | "plain" | "quiet" | "danger";
  /** Shows that it is at work, and takes no press. */
  busy?: boolean;
}

/** A button with words, and an icon if wanted. */
export function Button({ icon, kind = "plain", busy = false, children, class: more, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      class={`button ${kind} ${more ?? ""}`}
      disabled={busy || rest.disabled}
      aria-busy={busy}
    >
      {icon && <Icon name={icon} />}
      <span>{children}</span>
    </button>
  );
}

interface IconButtonProps extends ButtonHTMLAttributes {
  icon: IconName;
  /** What it does; read out, and shown when the pointer rests on it. */
  label: string;
}

/** A button with an icon alone. */
export function IconButton({ icon, label, class: more, ...rest }: IconButtonProps) {
  return (
    <button type="button" {...rest} class={`icon-button ${more ?? ""}`} aria-label={label} title={label}>
      <Icon name={icon} />
    </button>
  );
}
