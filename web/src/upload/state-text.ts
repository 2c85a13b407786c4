import { bytes } from "../lib/format.ts";
import { left } from "../lib/time-format.ts";
import type { State } from "./upload-state.ts";

/** State of an upload in words. */
export function stateText({ phase, sent, rate, reason }: State, size: number): string {
  const part = `${bytes(sent)} of ${bytes(size)}`;
  switch (phase) {
    case "waiting":
      return sent ? `${part} · queued` : `${bytes(size)} · queued`;
    case "sending":
      return rate ? `${part} · ${bytes(rate)}/s · ${left((size - sent) / rate)}` : part;
    case "paused":
      return `${part} · paused`;
    case "broken":
      return `${part} · ${reason} Retrying…`;
    case "arrived":
      return reason || "Upload complete";
    case "started":
      return `${bytes(size)} · being analysed`;
    case "failed":
      return reason;
  }
}
