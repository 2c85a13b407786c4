interface ProgressProps {
  /** 0 to 1; null while that is not known. */
  value: number | null;
  /** Accessible name. */
  label: string;
  kind?: "accent" | "still";
}

/** A progress bar. */
export function Progress({ value, label, kind = "accent" }: ProgressProps) {
  return value === null ? (
    <progress class={`bar ${kind}`} aria-label={label} />
  ) : (
    <progress class={`bar ${kind}`} aria-label={label} max={1} value={value} />
  );
}
