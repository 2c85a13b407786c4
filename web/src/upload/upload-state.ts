import type { Job } from "../api/types.ts";

export type Phase = "waiting" | "sending" | "paused" | "broken" | "arrived" | "started" | "failed";

export interface State {
  phase: Phase;
  sent: number;
  /** Bytes per second. */
  rate: number | null;
  /** Error text of the phases broken and failed. */
  reason: string;
  videoId: string | null;
  job: Job | null;
}
