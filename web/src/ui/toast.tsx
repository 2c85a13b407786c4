import { signal } from "@preact/signals";
import { IconButton } from "./button.tsx";
import { Icon } from "./icons.tsx";

interface Toast {
  id: number;
  text: string;
  kind: "good" | "bad";
}

const SHOWN_MS = 6000;
const toasts = signal<Toast[]>([]);
const spoken = signal("");
let last = 0;

/** Show a short message for a while; an error stays until dismissed. */
export function toast(text: string, kind: Toast["kind"] = "good"): void {
  last += 1;
  const id = last;
  toasts.value = [...toasts.value.slice(-3), { id, text, kind }];
  if (kind === "good") setTimeout(() => dismiss(id), SHOWN_MS);
}

/** Announce a text to screen readers (politely). */
export function announce(text: string): void {
  // A live region does not announce an unchanged text.
  spoken.value = spoken.value === text ? `${text}\u00a0` : text;
}

function dismiss(id: number): void {
  toasts.value = toasts.value.filter((one) => one.id !== id);
}

/** Container of messages and announcements; always present, since screen readers watch existing live regions only. */
export function Toasts() {
  return (
    <>
      <div class="unseen" role="status">
        {spoken.value}
      </div>
      <div class="toasts" aria-live="polite">
        {toasts.value.map(({ id, text, kind }) => (
          <div class={`toast ${kind}`} key={id}>
            <Icon name={kind === "good" ? "check" : "alert"} />
            <p>{text}</p>
            <IconButton icon="close" label="Dismiss this message" onClick={() => dismiss(id)} />
          </div>
        ))}
      </div>
    </>
  );
}
