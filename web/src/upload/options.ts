// The options of a job as the form holds them: conversion to and from the API, checks, and a short description.

import {
  type Choice,
  OPTION_TABLE,
  type OptionEntry,
  type OptionName,
  type Options,
  type Region,
} from "../api/option-table.ts";
import { clock, parseClock } from "../lib/time-format.ts";

interface FormTypes {
  number: number;
  integer: number;
  boolean: boolean;
  /** Empty: all labels of the model. */
  labels: string[];
  /** As typed, "1:02.5"; empty for the start or the end of the video. */
  time: string;
  region: Region | null;
  choice: Choice;
}

type FormValues = { [E in OptionEntry as E["name"]]: FormTypes[E["type"]] };
export type FormValue = FormTypes[keyof FormTypes];
export type SamplingName = Extract<OptionEntry, { group: "sampling" }>["name"];

export interface Form extends FormValues {
  /** null: the service's default. */
  model: string | null;
  sampling: "all" | SamplingName;
}

export interface JobRequest {
  model?: string;
  options: Options;
}

/** The form of a job, or the empty form. */
export function formOf(model: string | null = null, options: Options = {}): Form {
  const values = OPTION_TABLE.map((entry) => [entry.name, toForm(entry, options[entry.name])]);
  const sampling = OPTION_TABLE.find((entry) => "group" in entry && options[entry.name]);
  return { ...Object.fromEntries(values), model, sampling: sampling?.name ?? "all" };
}

export const DEFAULTS: Form = formOf();

/** The body of POST /jobs without the video; options at their defaults are left out. */
export function requestOf(form: Form): JobRequest {
  const set = OPTION_TABLE.filter((entry) => isActive(entry, form))
    .map((entry) => [entry.name, toApi(entry, form[entry.name])] as const)
    .filter(([, value]) => value !== undefined);
  const options: Options = Object.fromEntries(set);
  return form.model ? { model: form.model, options } : { options };
}

/** False for a sampling option that is not the selected one. */
function isActive(entry: OptionEntry, form: Form): boolean {
  return !("group" in entry) || form.sampling === entry.name;
}

function toForm(entry: OptionEntry, value: unknown): unknown {
  switch (entry.type) {
    case "labels":
      return value ?? [];
    case "time":
      return typeof value === "number" ? typed(value) : "";
    case "region":
      return value ?? null;
    default:
      return value ?? entry.default ?? ("initial" in entry ? entry.initial : null);
  }
}

/** undefined where the option need not be sent. */
function toApi(entry: OptionEntry, value: FormValue): unknown {
  switch (entry.type) {
    case "labels":
      return (value as string[]).length ? value : undefined;
    case "time":
      return parseClock(value as string) || undefined;
    default:
      return value === entry.default ? undefined : value;
  }
}

/** A time as a user would type it, exact to the millisecond. */
function typed(ms: number): string {
  const rest = ms % 1000;
  return clock(ms) + (rest ? `.${String(Math.round(rest)).padStart(3, "0").replace(/0+$/, "")}` : "");
}

export type FormErrors = Partial<Record<OptionName, string>>;

/** What is wrong with a form, by option; empty when nothing is. durationMs: of the video, where known. */
export function errorsOf(form: Form, durationMs: number | null = null): FormErrors {
  const found: FormErrors = {};
  for (const entry of OPTION_TABLE.filter((one) => isActive(one, form))) {
    const error = valueError(entry, form[entry.name]);
    if (error) found[entry.name] = error;
  }
  const [start, end] = [parseClock(form.start_ms), parseClock(form.end_ms)];
  if (durationMs !== null && start !== null && start >= durationMs)
    found.start_ms = `The video ends at ${clock(durationMs)}.`;
  if (end !== null && end <= (start ?? 0)) found.end_ms = "The end must be after the start.";
  return found;
}

function valueError(entry: OptionEntry, value: FormValue): string | null {
  switch (entry.type) {
    case "number":
    case "integer": {
      const number = value as number;
      const whole = entry.type === "integer";
      const valid = number >= entry.minimum && number <= entry.maximum && (!whole || Number.isInteger(number));
      return valid ? null : `Enter a ${whole ? "whole " : ""}number from ${entry.minimum} to ${entry.maximum}.`;
    }
    case "time": {
      const text = (value as string).trim();
      return text && parseClock(text) === null ? "Enter a time like 1:30 or 90." : null;
    }
    case "region": {
      const region = value as Region | null;
      const valid = !region || (region[2] > region[0] && region[3] > region[1]);
      return valid ? null : "The right edge must be right of the left edge, and the bottom below the top.";
    }
    default:
      return null;
  }
}

/** A form in a few words, without options at their defaults; empty when all are. */
export function describe(form: Form): string {
  const { options } = requestOf(form);
  const words = OPTION_TABLE.filter(({ name, type }) => options[name] !== undefined && type !== "time").map((entry) =>
    describeOption(entry, options),
  );
  const [start, end] = [form.start_ms.trim(), form.end_ms.trim()];
  if (start || end) words.push(`${start || "0:00"} to ${end || "the end"}`);
  return words.join(" · ");
}

function describeOption({ name, type, label }: OptionEntry, options: Options): string {
  if (name === "min_score") return `confidence ≥ ${options.min_score}`;
  if (name === "every_n") return `1 of ${options.every_n} frames`;
  if (name === "frames") return `${options.frames}: few frames, the rest filled in`;
  if (name === "sample_fps") return `${options.sample_fps} frames per second`;
  if (name === "labels" && options.labels)
    return options.labels.length > 3 ? `${options.labels.length} labels` : options.labels.join(", ");
  return type === "boolean" || type === "region" ? label.toLowerCase() : `${label.toLowerCase()} ${options[name]}`;
}
