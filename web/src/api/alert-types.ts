// Types of alert rules and alerts, as in api/openapi.yaml.
import type { SceneEventType } from "./track-types.ts";

export type LineDirection = "forward" | "backward";

/** What a rule looks for; what is left out means any. It names labels, a scene, streams, a source or a tag at least. */
export interface RuleSearch {
  label?: string[];
  min_score?: number | null;
  min_ms?: number | null;
  scene_id?: string | null;
  zone?: string | null;
  line?: string | null;
  event?: SceneEventType | null;
  direction?: LineDirection | null;
  stream_id?: string[];
  source?: string[];
  tag?: string[];
}

/** Days count from Monday, 0, and are those of `from`; where `to` is not after it, it is on the next day. A day ends
 * at "24:00". */
export interface Schedule {
  days: number[];
  from: string;
  to: string;
  timezone: string;
}

export interface RuleBody {
  name: string;
  enabled: boolean;
  search: RuleSearch;
  /** Null: always. */
  schedule: Schedule | null;
  at_most_one_in_s: number;
  /** A webhook that is called for each alert. */
  webhook_id: string | null;
}

export interface Rule extends RuleBody {
  id: string;
  /** When it last raised none because it had raised too many within an hour. */
  limited_at: string | null;
  /** Why it raises none, or not all, and what to do; null: it works. */
  error: { code: string; detail: string } | null;
  /** Since when. */
  failed_at: string | null;
  created_at: string;
}

export interface Alert {
  id: string;
  rule_id: string;
  rule_name: string;
  /** On the wall clock, in milliseconds since 1970. */
  at_ms: number;
  /** False: the time is that of the upload. */
  dated: boolean;
  label: string;
  score: number;
  event: SceneEventType | null;
  zone: string | null;
  line: string | null;
  direction: LineDirection | null;
  video_id: string | null;
  /** Null for a live stream, and where the job was deleted. */
  job_id: string | null;
  stream_id: string | null;
  track: number;
  /** In the video, or on the clock of the stream. */
  start_ms: number;
  seen: boolean;
}

export interface Webhook {
  id: string;
  url: string;
  /** Whether it is called when a job ends. */
  jobs: boolean;
  /** Only in the answer that creates it. */
  secret?: string;
}

/** One call of a webhook, with all its tries. */
export interface Delivery {
  state: "waiting" | "delivered" | "failed";
  /** Why the last try failed. */
  error: string | null;
  /** Of the next try. */
  next_at: string | null;
}

export interface AlertPage {
  alerts: Alert[];
  next_cursor: string | null;
}
