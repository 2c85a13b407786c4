import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { reached } from "../api/connection.ts";
import { Button } from "./button.tsx";
import { Icon, type IconName } from "./icons.tsx";

interface EmptyProps {
  icon: IconName;
  title: string;
  children?: ComponentChildren;
}

/** Empty state: why there is nothing to show, and what to do. */
export function Empty({ icon, title, children }: EmptyProps) {
  return (
    <div class="empty">
      <Icon name={icon} />
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** Error state: the request failed. It is retried automatically when the service is back. */
export function Failure({ title, detail, onRetry }: { title: string; detail: string; onRetry?: () => void }) {
  const here = reached.value;
  const before = useRef(here);
  useEffect(() => {
    if (here && !before.current) onRetry?.();
    before.current = here;
  }, [here]);
  return (
    <div class="empty failure" role="alert">
      <Icon name="alert" />
      <h2>{title}</h2>
      <p>{detail}</p>
      {onRetry && (
        <Button icon="retry" onClick={onRetry}>
          Try again
        </Button>
      )}
    </div>
  );
}

/** Placeholder rows while a list loads. */
export function Waiting({ rows = 3, label = "Loading" }: { rows?: number; label?: string }) {
  return (
    <div class="waiting" role="status" aria-label={label}>
      {Array.from({ length: rows }, (_, row) => (
        <div class="waiting-row" key={String(row)} />
      ))}
    </div>
  );
}
