import type { ButtonHTMLAttributes } from "preact";
import { Icon, type IconName } from "./icons.tsx";

interface ButtonProps extends ButtonHTMLAttributes {
  icon?: IconName;
  kind?: "primary" | "plain" | "quiet" | "danger";
  /** Shows a busy state and disables the button. */
  busy?: boolean;
}

/** A button with a text and an optional icon. */
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
  /** Label for screen readers and tooltip. */
  label: string;
}

/** A button with an icon only. */
export function IconButton({ icon, label, class: more, ...rest }: IconButtonProps) {
  return (
    <button type="button" {...rest} class={`icon-button ${more ?? ""}`} aria-label={label} title={label}>
      <Icon name={icon} />
    </button>
  );
}
