// How far something is, for eyes and ears.
import { percent } from "./format.ts";

export function ProgressBar({ fraction, label }: { fraction: number; label: string }) {
  return (
    <div
      class="progress-bar"
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(fraction * 100)}
      aria-valuetext={percent(fraction)}
    >
      <div style={{ transform: `scaleX(${Math.min(1, Math.max(0, fraction))})` }} />
    </div>
  );
}
