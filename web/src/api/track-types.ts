// Types of tracks, scenes and search, as in api/openapi.yaml. Boxes and points pixels of
// the displayed frame.
import type { Box } from "./types.ts";

/** An object through the frames. */
export interface Track {
  /** From 1 on, in the order of first frames. */
  id: number;
  label: string;
  first_frame: number;
  last_frame: number;
  from_ms: number;
  to_ms: number;
  /** In how many frames it was found. */
  frames: number;
  score: number;
  best_frame: number;
  best_ms: number;
  best_box: Box;
  /** Around all its boxes. */
  hull: Box;
  /** Where it stood: the middles of the lower edges of its boxes. */
  path: { frame: number; x: number; y: number }[];
}

export interface TrackPage {
  tracks: Track[];
  next_cursor: string | null;
}

/** Zones and lines; coordinates are 0 to 1 of the displayed frame. */
export interface Scene {
  id: string;
  name: string;
  zones: { name: string; polygon: [number, number][] }[];
  lines: { name: string; points: [number, number][] }[];
}

/** A track that a search found. */
export interface Hit {
  job_id: string;
  video_id: string;
  track: number;
  label: string;
  score: number;
  /** When it begins; null where it is not known when the video was recorded. */
  at: string | null;
  from_ms: number;
  to_ms: number;
  best_frame: number;
  best_ms: number;
  best_box: Box;
  video_name: string | null;
  source: string | null;
}

export interface HitPage {
  hits: Hit[];
  next_cursor: string | null;
}

export type SceneEventType = "enters" | "appears" | "dwells" | "leaves" | "disappears" | "crosses";

/** What a track did at a zone or line. */
export interface SceneEvent {
  type: SceneEventType;
  track: number;
  label: string;
  frame: number;
  time_ms: number;
  zone?: string;
  line?: string;
  /** Of a crossing: forward is from the left to the right of the line as drawn. */
  direction?: "forward" | "backward";
  /** How long it had been in the zone. */
  seconds?: number;
}

export interface EventPage {
  events: SceneEvent[];
  next_cursor: string | null;
}

/** Events in intervals of equal length. */
export interface SceneCounts {
  from_ms: number;
  to_ms: number;
  /** In seconds. */
  interval: number;
  series: (Pick<SceneEvent, "type" | "label" | "zone" | "line" | "direction"> & { total: number; counts: number[] })[];
}
