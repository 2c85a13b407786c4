import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface FieldProps {
  label: string;
  hint?: ComponentChildren;
  /** What is wrong and what to do. */
  error?: string | undefined;
  /** Makes the control; it gets what ties it to the label and the texts under it. */
  children(ties: { id: string; "aria-describedby": string; "aria-invalid": boolean }): ComponentChildren;
}

/** A control with its label, a hint, and what is wrong with it. */
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
