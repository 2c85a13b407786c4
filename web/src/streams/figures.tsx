import type { StreamStats } from "../api/stream-types.ts";
import { dropWords } from "./stream-text.ts";

/** Frames per second, latency and drops of a stream, as they are now. */
export function Figures({ stats }: { stats: StreamStats | null }) {
  if (!stats) return <p class="figures">No figures yet</p>;
  const { fps_in, fps_out, latency_ms, dropped, skipped, lag_ms } = stats;
  const drops = dropWords(dropped);
  return (
    <dl class="figures">
      <Figure name="Frames per second" value={`${fps_in.toFixed(1)} in, ${fps_out.toFixed(1)} analysed`} />
      {latency_ms && (
        <Figure
          name="Until the boxes"
          value={`${Math.round(latency_ms[0])} ms, 19 of 20 within ${Math.round(latency_ms[1])} ms`}
        />
      )}
      {lag_ms !== null && <Figure name="From the camera" value={`${Math.round(lag_ms)} ms`} />}
      <Figure name="Without boxes" value={drops || "none"} />
      {skipped > 0 && <Figure name="Left out by the limit" value={skipped.toLocaleString()} />}
    </dl>
  );
}

function Figure({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
