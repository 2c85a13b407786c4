// What one asks of a job, as the form has it and as the API takes it.
import { clock, parseClock } from "../lib/format.ts";
import type { Options } from "../lib/types.ts";

export type Region = [number, number, number, number];

export interface Form {
  /** null: the service's default. */
  model: string | null;
  minScore: number;
  /** None: all of the model. */
  labels: string[];
  sampling: "all" | "every_n" | "sample_fps";
  everyN: number;
  sampleFps: number;
  /** As typed, "1:02.5"; empty for the start and the end of the video. */
  from: string;
  to: string;
  /** x1, y1, x2, y2 from 0 to 1 of the displayed frame. */
  region: Region | null;
}

export const DEFAULTS: Form = {
  model: null,
  minScore: 0.35,
  labels: [],
  sampling: "all",
  everyN: 5,
  sampleFps: 5,
  from: "",
  to: "",
  region: null,
};

export interface JobRequest {
  model?: string;
  options: Options;
}

/** What POST /jobs takes; what is as the service has it by itself is left out. */
export function requestOf(form: Form): JobRequest {
  const options: Options = {};
  if (form.minScore !== DEFAULTS.minScore) options.min_score = form.minScore;
  if (form.labels.length) options.labels = form.labels;
  if (form.sampling === "every_n") options.every_n = form.everyN;
  if (form.sampling === "sample_fps") options.sample_fps = form.sampleFps;
  const [from, to] = [parseClock(form.from), parseClock(form.to)];
  if (from) options.start_ms = from;
  if (to !== null) options.end_ms = to;
  if (form.region) options.region = form.region;
  return form.model ? { model: form.model, options } : { options };
}

/** The form of a job that was. */
export function formOf(model: string, options: Options): Form {
  const time = (ms: number | null | undefined) => (ms === null || ms === undefined ? "" : typed(ms));
  return {
    ...DEFAULTS,
    model,
    minScore: options.min_score ?? DEFAULTS.minScore,
    labels: options.labels ?? [],
    sampling: options.every_n ? "every_n" : options.sample_fps ? "sample_fps" : "all",
    everyN: options.every_n ?? DEFAULTS.everyN,
    sampleFps: options.sample_fps ?? DEFAULTS.sampleFps,
    from: time(options.start_ms),
    to: time(options.end_ms),
    region: options.region ?? null,
  };
}

/** A time as one would type it; exact to the millisecond. */
function typed(ms: number): string {
  const rest = ms % 1000;
  return clock(ms) + (rest ? `.${String(Math.round(rest)).padStart(3, "0").replace(/0+$/, "")}` : "");
}

export type Complaints = Partial<Record<"minScore" | "everyN" | "sampleFps" | "from" | "to" | "region", string>>;

/** What is wrong with a form and what to do; empty when nothing is. durationMs: of the video, where known. */
export function complaints(form: Form, durationMs: number | null = null): Complaints {
  const found: Complaints = {};
  if (!(form.minScore >= 0.01 && form.minScore <= 1)) found.minScore = "Give a number from 0.01 to 1.";
  if (form.sampling === "every_n" && !(Number.isInteger(form.everyN) && form.everyN >= 1 && form.everyN <= 1e6))
    found.everyN = "Give a whole number from 1 on.";
  if (form.sampling === "sample_fps" && !(form.sampleFps >= 0.001 && form.sampleFps <= 1000))
    found.sampleFps = "Give a number from 0.001 to 1000.";
  const [from, to] = [parseClock(form.from), parseClock(form.to)];
  if (form.from.trim() && from === null) found.from = "Give a time like 1:30 or 90.";
  else if (durationMs !== null && from !== null && from >= durationMs)
    found.from = `The video ends at ${clock(durationMs)}.`;
  if (form.to.trim() && to === null) found.to = "Give a time like 1:30 or 90.";
  else if (to !== null && to <= (from ?? 0)) found.to = "The end must come after the start.";
  if (form.region && !(form.region[2] > form.region[0] && form.region[3] > form.region[1]))
    found.region = "The right edge must be right of the left one, and the bottom below the top.";
  return found;
}

/** A form in a few words, without what is as usual; empty for the defaults. */
export function inWords(form: Form): string {
  const words: string[] = [];
  if (form.labels.length) words.push(form.labels.length > 3 ? `${form.labels.length} labels` : form.labels.join(", "));
  if (form.minScore !== DEFAULTS.minScore) words.push(`score from ${form.minScore}`);
  if (form.sampling === "every_n" && form.everyN > 1) words.push(`1 of ${form.everyN} frames`);
  if (form.sampling === "sample_fps") words.push(`${form.sampleFps} frames a second`);
  if (form.from.trim() || form.to.trim()) words.push(`${form.from.trim() || "0:00"} to ${form.to.trim() || "the end"}`);
  if (form.region) words.push("a region");
  return words.join(" · ");
}
