// Options of a job in words. Pure.

import { DEFAULT_MIN_SCORE, type Options } from "../api/option-table.ts";
import { count } from "../lib/format.ts";
import { clock } from "../lib/time-format.ts";

/** The options of a job that are set: name and value. */
export function optionWords(options: Options): [string, string][] {
  const words: [string, string][] = [["Minimum confidence", (options.min_score ?? DEFAULT_MIN_SCORE).toFixed(2)]];
  if (options.labels) words.push(["Labels", options.labels.join(", ")]);
  if (options.every_n && options.every_n > 1) words.push(["Frames", `every ${ordinal(options.every_n)}`]);
  if (options.frames && options.frames !== "all")
    words.push(["Frames", `few (${options.frames}), the boxes between are filled in`]);
  if (options.sample_fps) words.push(["Frames", `at most ${options.sample_fps} per second`]);
  const { start_ms, end_ms } = options;
  if (start_ms || end_ms)
    words.push(["Time range", `${clock(start_ms ?? 0, 1)} to ${end_ms ? clock(end_ms, 1) : "the end"}`]);
  if (options.region) {
    const [x1, y1, x2, y2] = options.region.map((edge) => `${Math.round(edge * 100)} %`);
    words.push(["Region", `${x1} to ${x2} across, ${y1} to ${y2} down`]);
  }
  if (options.masks) words.push(["Masks", "yes, in the exports"]);
  return words;
}

function ordinal(value: number): string {
  const tens = value % 100;
  const ending = tens >= 11 && tens <= 13 ? "th" : (["th", "st", "nd", "rd"][value % 10] ?? "th");
  return `${count(value)}${ending}`;
}
