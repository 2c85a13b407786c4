// Types of the API, as in api/openapi.yaml. Times are milliseconds of the video; boxes are x1, y1, x2, y2 in pixels of
// the displayed frame.

import type { Options } from "./option-table.ts";

export type Box = [number, number, number, number];

export type JobState = "queued" | "planning" | "running" | "merging" | "succeeded" | "partial" | "failed" | "cancelled";

export const ENDED: ReadonlySet<JobState> = new Set(["succeeded", "partial", "failed", "cancelled"]);

export interface Media {
  container: string;
  codec: string;
  width: number;
  height: number;
  rotation: number;
  mirrored?: boolean;
  duration_ms: number;
  frames: number;
  fps: number;
  variable_fps: boolean;
  /** Where the rate of an elementary stream is from. */
  fps_source?: "request" | "stream" | "assumed";
  damage: string | null;
  /** The container's own time at time_ms 0, where it is not 0. */
  start_ms?: number;
  /** The segments of the container's clock, where it has several. */
  clock?: unknown[];
}

export interface Video {
  id: string;
  name: string | null;
  size_bytes: number;
  sha256: string;
  content_type: string;
  media: Media | null;
  refused: string | null;
  created_at: string;
  links: Record<string, string | null>;
}

export interface Progress {
  frames_done: number;
  frames_total: number | null;
  fraction: number;
  fps: number | null;
  eta_s: number | null;
}

export interface FrameRange {
  first: number;
  last: number;
  reason: string;
}

export interface Job {
  id: string;
  video_id: string;
  video?: {
    name: string | null;
    width: number | null;
    height: number | null;
    duration_ms: number | null;
    poster: string | null;
  };
  state: JobState;
  cancel_requested: boolean;
  model: string;
  options: Options;
  progress: Progress;
  error: { code: string; detail: string } | null;
  failed_ranges: FrameRange[];
  /** Null: nobody asked for any. */
  tracks: TracksState | null;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  links: Record<string, string>;
}

/** How far the tracks of a job are. */
export interface TracksState {
  state: "queued" | "ready" | "failed";
  /** How many there are, those of before while others are made; null: none yet. */
  tracks: number | null;
  error: { code: string; detail: string } | null;
}

export interface List<T> {
  items: T[];
  next_cursor: string | null;
}

export interface Detection {
  label: string;
  class_id: number;
  score: number;
  box: Box;
  /** Id of its track, in jobs with tracks. */
  track?: number;
}

export interface Frame {
  frame: number;
  time_ms: number;
  /** Not inferred: its detections were filled in between inferred frames. */
  filled?: true;
  detections: Detection[];
}

export interface ResultPage {
  frames: Frame[];
  next_cursor: string | null;
  complete: boolean;
}

export interface LabelSummary {
  detections: number;
  frames: number;
  max_in_frame: number;
  max_at_ms: number;
}

export interface Summary {
  frames: number;
  seconds: number;
  ms_per_frame: number;
  /** Those that were not filled in. */
  frames_inferred: number | null;
  detector_cpu_seconds: number | null;
  labels: Record<string, LabelSummary>;
  top_labels: string[];
}

/** Objects per label over time, one number per bucket. */
export interface Series {
  from_ms: number;
  to_ms: number;
  bucket_ms: number;
  frames: number[];
  labels: Record<string, { first_frame: number; max: number[]; mean: number[] }>;
  any: number[];
  complete: boolean;
  frontier_ms: number | null;
}

export interface Appearance {
  label: string;
  from_ms: number;
  to_ms: number;
  first_frame: number;
  last_frame: number;
  frames: number;
  max_in_frame: number;
}

export interface Rendition {
  id: string;
  kind: "poster" | "playable" | "annotated" | "blurred" | "pictures" | "clip" | "reel";
  video_id: string;
  job_id: string | null;
  state: "queued" | "running" | "ready" | "failed";
  progress: { frames_done: number; frames_total: number | null; fraction: number };
  content_type: string | null;
  size_bytes: number | null;
  error: { code: string; detail: string } | null;
  created_at: string;
  finished_at: string | null;
  links: { self: string; content: string };
}

export interface Model {
  id: string;
  title: string;
  engine: string;
  labels: string[];
  licence: string;
  source: string;
  accuracy: string;
  accuracy_source: string;
  masks: boolean;
  default: boolean;
}

export interface User {
  id: string;
  username: string;
  role: "user" | "admin";
  created_at: string;
}

export type TokenScope = "read" | "write" | "delete" | "streams:read" | "streams:write";

export interface ApiToken {
  id: string;
  name: string;
  token?: string;
  /** null: everything */
  scopes: TokenScope[] | null;
  expires_at: string | null;
  created_at: string;
  last_used_at: string | null;
}
