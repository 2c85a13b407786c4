// The forms of a stream: conversion to and from the API, and checks. Pure.
import { OPTION_TABLE } from "../api/option-table.ts";
import type { RecordOptions, Stream, StreamBody, StreamKind, StreamOptions } from "../api/stream-types.ts";
import { type Form, formOf, requestOf } from "../upload/options.ts";

const GIGABYTE = 1e9;
const ADDRESS = /^(rtsp|https?):\/\/(?:([^/?#]*)@)?([^/?#@\s]+)([^\s]*)$/i;

/** The address of a camera, as typed. */
export interface AddressForm {
  address: string;
  username: string;
  password: string;
}

/** Recording as typed; empty for no limit. */
export interface RecordForm {
  on: boolean;
  minutes: number;
  days: string;
  gigabytes: string;
}

/** The kind of a camera's stream by its address; null where it is none. */
export function kindOf(address: string): StreamKind | null {
  const scheme = ADDRESS.exec(address.trim())?.[1]?.toLowerCase();
  if (!scheme) return null;
  return scheme === "rtsp" ? "rtsp" : "http";
}

/** A pasted address with its user name and password in fields of their own. */
export function split({ address, username, password }: AddressForm): AddressForm {
  const [, scheme, user, host, rest] = ADDRESS.exec(address.trim()) ?? [];
  if (user === undefined) return { address, username, password };
  const [name = "", ...secret] = user.split(":");
  return { address: `${scheme}://${host}${rest}`, username: decoded(name), password: decoded(secret.join(":")) };
}

/** The address with user name and password in it. */
export function joined(form: AddressForm): string {
  const { address, username, password } = split(form);
  const [, scheme, , host, rest] = ADDRESS.exec(address.trim()) ?? [];
  if (!username && !password) return address.trim();
  return `${scheme}://${encodeURIComponent(username)}:${encodeURIComponent(password)}@${host}${rest}`;
}

export function addressError({ address }: Pick<AddressForm, "address">): string | null {
  if (!address.trim()) return "Enter the address of the camera.";
  if (kindOf(address)) return null;
  return /^(rtmp|rtsps|srt|udp)/i.test(address.trim())
    ? "Only rtsp:// and http:// addresses can be read."
    : "Enter an address that begins with rtsp:// or http://.";
}

/** What the API shows instead of parts that may be secret. */
const HIDDEN = "***";

/** What is wrong with a changed address; null where nothing is. shown: the address as the API shows it. */
export function changedAddressError(form: AddressForm, shown: string): string | null {
  const isHidden = form.address.includes(HIDDEN) && (form.address !== shown || form.username || form.password);
  return isHidden ? `Enter the whole address: ${HIDDEN} stands for a part that is not shown.` : addressError(form);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a percent sign of the password itself
  }
}

/** The options form of a stream. */
export function formOfStream({ model, options }: Pick<Stream, "model" | "options">): Form {
  const entries = OPTION_TABLE.flatMap((entry) =>
    "stream" in entry && options[entry.stream] != null ? [[entry.name, options[entry.stream]]] : [],
  );
  return formOf(model, Object.fromEntries(entries));
}

/** The whole options of a stream: those at their default too, since the API replaces them as a whole. */
export function streamOptionsOf(form: Form): StreamOptions {
  const { options } = requestOf(form);
  const entries = OPTION_TABLE.flatMap((entry) =>
    "stream" in entry ? [[entry.stream, options[entry.name] ?? entry.default]] : [],
  );
  return Object.fromEntries(entries);
}

export const USUAL_RECORD: RecordForm = { on: false, minutes: 5, days: "7", gigabytes: "" };

export function recordFormOf(record: RecordOptions | null): RecordForm {
  if (!record) return USUAL_RECORD;
  const { minutes, keep_days, keep_bytes } = record;
  return {
    on: true,
    minutes,
    days: keep_days ? String(keep_days) : "",
    gigabytes: keep_bytes ? String(keep_bytes / GIGABYTE) : "",
  };
}

export function recordOf({ on, minutes, days, gigabytes }: RecordForm): RecordOptions | null {
  if (!on) return null;
  return {
    minutes,
    keep_days: days.trim() ? Number(days) : null,
    keep_bytes: gigabytes.trim() ? Math.round(Number(gigabytes) * GIGABYTE) : null,
  };
}

export function recordError({ on, minutes, days, gigabytes }: RecordForm): string | null {
  if (!on) return null;
  if (!(minutes >= 0.1 && minutes <= 60)) return "Enter a length from 0.1 to 60 minutes.";
  if (days.trim() && !(Number(days) >= 0.001 && Number(days) <= 36_500)) return "Enter a number of days.";
  if (gigabytes.trim() && !(Number(gigabytes) >= 0.001)) return "Enter a number of gigabytes.";
  return null;
}

/** What has changed of a stream, for PATCH; null where nothing has. */
export function changes(
  stream: Stream,
  next: Required<Omit<StreamBody, "kind" | "video_id" | "url">>,
): StreamBody | null {
  const changed = Object.entries(next).filter(
    ([name, value]) => canonical(value) !== canonical(stream[name as keyof typeof next]),
  );
  return changed.length ? Object.fromEntries(changed) : null;
}

/** A text that is equal for equal values, whatever is left out or null. */
function canonical(value: unknown): string {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return JSON.stringify(value ?? null);
  const set = Object.entries(value).filter(([, one]) => one != null);
  return JSON.stringify(set.sort(([a], [b]) => (a < b ? -1 : 1)));
}
