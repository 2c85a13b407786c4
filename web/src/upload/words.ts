import { bytes, left } from "../lib/format.ts";
import type { State } from "./state.ts";

/** How it stands with a file, in words. */
export function standing({ phase, sent, rate, reason }: State, size: number): string {
  const part = `${bytes(sent)} of ${bytes(size)}`;
  switch (phase) {
    case "waiting":
      return sent ? `${part} · waits for its turn` : `${bytes(size)} · waits for its turn`;
    case "sending":
      return rate ? `${part} · ${bytes(rate)}/s · ${left((size - sent) / rate)}` : part;
    case "paused":
      return `${part} · paused`;
    case "broken":
      return `${part} · ${reason} Trying again…`;
    case "arrived":
      return reason || "All of it has arrived";
    case "started":
      return `${bytes(size)} · is being looked through`;
    case "failed":
      return reason;
  }
}
