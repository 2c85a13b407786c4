import type { Job } from "../api/types.ts";

export type Phase = "waiting" | "sending" | "paused" | "broken" | "arrived" | "started" | "failed";

export interface State {
  phase: Phase;
  sent: number;
  /** Bytes a second. */
  rate: number | null;
  /** Why it is broken or failed. */
  reason: string;
  videoId: string | null;
  job: Job | null;
}
