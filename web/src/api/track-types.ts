// Types of tracks, scenes and search, as in api/openapi.yaml. Times are seconds of the video, boxes and points pixels of
// the displayed frame.
import type { Box } from "./types.ts";

/** An object through the frames. */
export interface Track {
  /** From 1 on, in the order of first frames. */
  id: number;
  label: string;
  first_frame: number;
  last_frame: number;
  start: number;
  end: number;
  /** In how many frames it was found. */
  frames: number;
  score: number;
  best_frame: number;
  best_time: number;
  best_box: Box;
  /** Around all its boxes. */
  hull: Box;
  /** Where it stood: the middles of the lower edges of its boxes. */
  path: { frame: number; x: number; y: number }[];
}

export interface TrackPage {
  tracks: Track[];
  next: string | null;
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
  start: number;
  end: number;
  best_frame: number;
  best_time: number;
  best_box: Box;
  video_name: string | null;
  source: string | null;
}

export interface HitPage {
  hits: Hit[];
  next: string | null;
}
