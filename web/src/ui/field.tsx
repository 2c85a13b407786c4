import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface FieldProps {
  label: string;
  hint?: ComponentChildren;
  /** Error text: the problem and what to do. */
  error?: string | undefined;
  /** Renders the control; receives the ids that connect it to label, hint and error. */
  children(ties: { id: string; "aria-describedby": string; "aria-invalid": boolean }): ComponentChildren;
}

/** A control with label, hint and error text. */
export function Field({ label, hint, error, children }: FieldProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, "aria-describedby": `${id}-more`, "aria-invalid": Boolean(error) })}
      <p class={error ? "error-text" : "hint"} id={`${id}-more`}>
        {error || hint}
      </p>
    </div>
  );
}
