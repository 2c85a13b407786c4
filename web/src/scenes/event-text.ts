// Events and counts of a scene in words, and as a plot. Pure.
import type { SceneCounts, SceneEvent, SceneEventType } from "../api/track-types.ts";
import type { Series } from "../api/types.ts";
import { duration } from "../lib/time-format.ts";

export const TYPES: readonly (readonly [SceneEventType, string])[] = [
  ["enters", "enters"],
  ["leaves", "leaves"],
  ["crosses", "crosses"],
  ["dwells", "stays"],
  ["appears", "appears"],
  ["disappears", "disappears"],
];

const WORDS = new Map(TYPES);

/** "car 7 leaves Door after 3.2 s". */
export function eventText({ type, label, track, zone, line, direction, seconds }: SceneEvent): string {
  const who = `${label} ${track}`;
  const time = seconds === undefined ? "" : duration(seconds);
  if (type === "crosses") return `${who} crosses ${line} ${direction}`;
  if (type === "dwells") return `${who} has been in ${zone} for ${time}`;
  if (type === "appears") return `${who} is first seen in ${zone}`;
  if (type === "disappears") return `${who} is last seen in ${zone}${time && `, after ${time}`}`;
  return `${who} ${type} ${zone}${time && ` after ${time}`}`;
}

/** "Gate forward: car crosses". */
export function seriesName({
  type,
  label,
  zone,
  line,
  direction,
}: Omit<SceneCounts["series"][number], "total" | "counts">): string {
  return `${zone ?? line}${direction ? ` ${direction}` : ""}: ${label} ${WORDS.get(type) ?? type}`;
}

/** Lengths of an interval to choose from (s). */
const INTERVALS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 86_400];
const MOST_INTERVALS = 120;

/** The shortest interval of which the video has not too many. */
export function intervalFor(seconds: number): number {
  return INTERVALS.find((interval) => seconds / interval <= MOST_INTERVALS) ?? (INTERVALS.at(-1) as number);
}

/** The counts as series of the plot. */
export function plotSeries({ from_ms, to_ms, interval, series }: SceneCounts): Series {
  const length = Math.max(0, ...series.map(({ counts }) => counts.length));
  return {
    from_ms,
    to_ms,
    bucket_ms: interval * 1000,
    frames: Array.from({ length }, () => 1),
    any: Array.from({ length }, (_, at) => Number(series.some(({ counts }) => (counts[at] ?? 0) > 0))),
    labels: Object.fromEntries(
      series.map((one) => [seriesName(one), { first_frame: 0, max: one.counts, mean: one.counts }]),
    ),
    complete: true,
    frontier_ms: null,
  };
}
