// States, options and errors of a job in words. Pure.
import type { FrameRange, Job, JobState, Options } from "../lib/types.ts";
import { clock, count, counted, duration } from "./format.ts";

export const STATES: Record<JobState, string> = {
  queued: "Waiting for its turn",
  planning: "Reading the video",
  running: "Looking",
  merging: "Putting results together",
  succeeded: "Done",
  partial: "Done in part",
  failed: "Failed",
  cancelled: "Cancelled",
};

/** How a state is coloured. */
export function toneOf(state: JobState): "busy" | "good" | "warn" | "bad" {
  if (state === "succeeded") return "good";
  if (state === "failed") return "bad";
  return state === "partial" || state === "cancelled" ? "warn" : "busy";
}

/** "1,204 of 9,000 frames · 85 frames/s · 1 min 31 s left". */
export function progressWords(job: Job): string {
  const { frames_done, frames_total, fps, eta_s } = job.progress;
  const parts = [
    frames_total === null
      ? counted(frames_done, "frame")
      : `${count(frames_done)} of ${counted(frames_total, "frame")}`,
  ];
  if (fps) parts.push(`${fps < 10 ? fps.toFixed(1) : Math.round(fps)} frames/s`);
  if (eta_s !== null && eta_s > 0) parts.push(`${duration(eta_s)} left`);
  return parts.join(" · ");
}

/** The options of a job that say something: name and value. */
export function optionWords(options: Options): [string, string][] {
  const words: [string, string][] = [["Minimum score", (options.min_score ?? 0.35).toFixed(2)]];
  if (options.labels) words.push(["Labels", options.labels.join(", ")]);
  if (options.every_n && options.every_n > 1) words.push(["Frames", `every ${ordinal(options.every_n)}`]);
  if (options.sample_fps) words.push(["Frames", `at most ${options.sample_fps} a second`]);
  const { start_ms, end_ms } = options;
  if (start_ms || end_ms)
    words.push(["Part", `${clock(start_ms ?? 0, 1)} to ${end_ms ? clock(end_ms, 1) : "the end"}`]);
  if (options.region) {
    const [x1, y1, x2, y2] = options.region.map((edge) => `${Math.round(edge * 100)} %`);
    words.push(["Region", `${x1} to ${x2} across, ${y1} to ${y2} down`]);
  }
  if (options.masks) words.push(["Masks", "yes, in the downloads"]);
  return words;
}

/** "frames 240 to 359: the worker was lost". */
export function rangeWords(range: FrameRange): string {
  const frames =
    range.first === range.last ? `frame ${count(range.first)}` : `frames ${count(range.first)} to ${count(range.last)}`;
  return `${frames}: ${range.reason}`;
}

/** What to do about a job that did not succeed. */
export function whatToDo(job: Job): string | null {
  if (job.state === "failed")
    return "Start the job again from the list of jobs; if it fails again, send the video anew.";
  if (job.state === "cancelled") return "What was finished is kept. Start it again from the list of jobs for the rest.";
  if (job.state !== "partial") return null;
  return job.failed_ranges.length
    ? "The rest is complete. Start the job again from the list of jobs to try these frames once more."
    : "The rest is complete. If the file is damaged, send it anew from its source.";
}

function ordinal(value: number): string {
  const tens = value % 100;
  const ending = tens >= 11 && tens <= 13 ? "th" : (["th", "st", "nd", "rd"][value % 10] ?? "th");
  return `${count(value)}${ending}`;
}
