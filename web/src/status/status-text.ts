// The numbers of the status in words. Pure.
import type { Scale, ServiceStatus } from "../api/status-types.ts";
import { bytes, count } from "../lib/format.ts";
import { duration } from "../lib/time-format.ts";

const UNKNOWN = "unknown";

/** "Live detector": a role or server in words. */
export function named(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1).replaceAll("_", " ");
}

/** "2 running, 1 queued": what there is of each state; "none". */
export function states(byState: Record<string, number>): string {
  const there = Object.entries(byState).filter(([, number]) => number > 0);
  return there.map(([state, number]) => `${count(number)} ${state}`).join(", ") || "none";
}

/** Lines of the status as names and values, in three groups. */
export function figures({ jobs, streams, scale, storage, result_store_bytes }: ServiceStatus) {
  return {
    Jobs: [
      ["Not ended", jobs ? states(jobs.by_state) : UNKNOWN],
      ["Load to capacity", load(scale?.detector)],
      ["Waiting", jobs ? backlog(jobs.backlog_frames, jobs.backlog_seconds) : UNKNOWN],
      ["Chunks with detectors", known(jobs?.chunks_outstanding, count)],
    ],
    Streams: [
      ["Streams", streams ? states(streams.by_state) : UNKNOWN],
      ["Load to capacity", load(scale?.live_detector)],
      ["Frames per second", streams ? `${streams.served_fps} analysed of ${streams.wanted_fps} wanted` : UNKNOWN],
    ],
    Storage: [
      ["Videos", known(storage?.videos_bytes, bytes)],
      ["Copies", known(storage?.renditions_bytes, bytes)],
      ["Free", storage && storage.free_bytes === null ? "not limited here" : known(storage?.free_bytes, bytes)],
      ["Results in memory", known(result_store_bytes, bytes)],
    ],
  } as const;
}

function load(scale: Scale | undefined): string {
  if (!scale) return UNKNOWN;
  const speed = scale.capacity_fps
    ? `${count(Math.round(scale.capacity_fps))} frames/s can be done`
    : "not measured yet";
  return `${Math.round(100 * scale.ratio)} %, ${speed}`;
}

function backlog(frames: number, seconds: number | null): string {
  if (!frames) return "nothing";
  return `${count(frames)} frames${seconds === null ? "" : `, about ${duration(seconds)}`}`;
}

function known(value: number | null | undefined, say: (value: number) => string): string {
  return value === null || value === undefined ? UNKNOWN : say(value);
}
