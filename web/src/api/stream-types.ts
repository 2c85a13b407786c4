// Types of streams and their socket, as in api/openapi.yaml. time_ms counts from the start of the stream clock
// (`started_at`).
import type { Region } from "./option-table.ts";
import type { SceneEvent } from "./track-types.ts";
import type { Detection } from "./types.ts";

export type StreamKind = "webrtc" | "rtsp" | "http" | "video" | "push";
export type StreamState = "connecting" | "live" | "reconnecting" | "stopped" | "failed";

export interface StreamOptions {
  min_score?: number;
  labels?: string[] | null;
  region?: Region | null;
  max_fps?: number | null;
}

export interface RecordOptions {
  minutes: number;
  keep_days?: number | null;
  keep_bytes?: number | null;
}

export interface StreamNow {
  codec: string;
  mime: string;
  width: number;
  height: number;
  fps_in: number;
  fps_out: number;
  kbps: number;
  latency_ms: [number, number] | null;
  lag_ms: number | null;
  dropped: Record<string, number>;
  skipped: number;
  reconnects: number;
  recording: string | null;
  recording_error: string | null;
  ingest: string | null;
  detector: string | null;
  detector_error: { code: string; detail: string } | null;
}

export interface Stream {
  id: string;
  name: string;
  kind: StreamKind;
  /** Without user name and password. */
  url: string | null;
  video_id: string | null;
  model: string;
  options: StreamOptions;
  record: RecordOptions | null;
  wanted: "running" | "stopped";
  state: StreamState;
  reason: string | null;
  detail: string | null;
  since: string | null;
  live: StreamNow | null;
  started_at: string;
  created_at: string;
  links: Record<string, string>;
}

/** The body of POST and PATCH /streams. */
export interface StreamBody {
  name?: string;
  kind?: StreamKind;
  url?: string;
  video_id?: string;
  model?: string;
  options?: StreamOptions;
  record?: RecordOptions | null;
}

export interface Recording {
  id: string;
  stream_id: string | null;
  video_id: string | null;
  job_id: string | null;
  state: "open" | "closed" | "filed" | "failed";
  started_at: string;
  ended_at: string | null;
  frames: number | null;
  size_bytes: number | null;
  reason: string | null;
  dropped: Record<string, number> | null;
  /** Why it failed, or what delays it. */
  error: { code: string; detail: string } | null;
}

/** The detections of one frame, in pixels of a displayed frame of this size. */
export interface LiveResult {
  frame: number;
  time_ms: number;
  detections: Detection[];
  width: number;
  height: number;
  latency_ms?: number;
}

export interface StreamConfig {
  mime: string;
  codec: string;
  width: number;
  height: number;
  rotation: number;
  number: number;
}

/** What the socket tells once a second. */
export type StreamStats = Pick<Stream, "state" | "reason" | "detail"> &
  Pick<
    StreamNow,
    | "fps_in"
    | "fps_out"
    | "latency_ms"
    | "lag_ms"
    | "dropped"
    | "skipped"
    | "recording"
    | "recording_error"
    | "detector_error"
  >;

/** What the socket of a stream sends as text. */
export type StreamMessage =
  | { type: "hello"; stream: Stream }
  | ({ type: "config" } & StreamConfig)
  | ({ type: "result" } & LiveResult)
  | ({ type: "stats" } & StreamStats)
  | ({ type: "event"; scene: string; event: SceneEvent["type"] } & Omit<SceneEvent, "type">)
  | { type: "error"; code: string; detail: string };
