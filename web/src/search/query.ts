// A search: as the form holds it, in the address of the page, and as parameters of the API. Pure.
import type { Params } from "../api/client.ts";
import type { Point } from "../scenes/shapes.ts";

export const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export const DAY_WORDS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] as const;
export const WAYS = ["n", "ne", "e", "se", "s", "sw", "w", "nw"] as const;

/** Empty texts and lists, 0 and null mean anything. */
export interface Query {
  labels: string[];
  /** Days of the calendar, both included: "2026-01-31". */
  from: string;
  to: string;
  /** Times of the day: "22:30". */
  hourFrom: string;
  hourTo: string;
  weekdays: string[];
  tag: string;
  source: string;
  /** Ids. */
  stream: string;
  video: string;
  scene: string;
  /** Names of zones of the scene; empty for any. */
  zones: string[];
  /** 0 to 1. */
  minScore: number;
  minSeconds: number;
  direction: string;
  /** Corners, 0 to 1 of the displayed frame; null with a scene. */
  polygon: Point[] | null;
  sort: "newest" | "score";
}

const TEXTS = {
  from: "from",
  to: "to",
  hourFrom: "hour_from",
  hourTo: "hour_to",
  tag: "tag",
  source: "source",
  stream: "stream",
  video: "video",
  scene: "scene",
  direction: "direction",
} as const;

type TextName = keyof typeof TEXTS;
const NAMES = Object.entries(TEXTS) as [TextName, string][];

/** The query of an address; what it does not say, or says wrongly, means anything. */
export function readQuery(params: URLSearchParams): Query {
  const text = (name: string) => params.get(name)?.trim() ?? "";
  const texts = Object.fromEntries(NAMES.map(([name, own]) => [name, text(own)])) as Record<TextName, string>;
  return {
    ...texts,
    labels: params.getAll("label").filter(Boolean),
    zones: texts.scene ? params.getAll("zone").filter(Boolean) : [],
    weekdays: DAYS.filter((day) => params.getAll("weekday").includes(day)),
    minScore: number(text("min_score"), 1),
    minSeconds: number(text("min_seconds"), 1e6),
    polygon: texts.scene ? null : corners(text("polygon")),
    sort: text("sort") === "score" ? "score" : "newest",
  };
}

/** The address of a query, with what is set only. */
export function writeQuery(query: Query): URLSearchParams {
  const params = new URLSearchParams();
  for (const label of query.labels) params.append("label", label);
  for (const [name, own] of NAMES) if (query[name]) params.set(own, query[name]);
  for (const zone of query.zones) params.append("zone", zone);
  for (const day of query.weekdays) params.append("weekday", day);
  if (query.minScore) params.set("min_score", String(query.minScore));
  if (query.minSeconds) params.set("min_seconds", String(query.minSeconds));
  if (query.polygon) params.set("polygon", query.polygon.flat().join(","));
  if (query.sort !== "newest") params.set("sort", query.sort);
  return params;
}

/** The parameters of GET /search. timeZone: whose clocks show days and hours. */
export function apiParams(query: Query, timeZone: string): Params {
  const written = writeQuery(query);
  const params: Record<string, string | readonly string[]> = {};
  for (const name of new Set(written.keys())) {
    const values = written.getAll(name);
    params[name] = values.length > 1 ? values : (values[0] as string);
  }
  if (query.to) params.to = dayAfter(query.to);
  const dated = query.from || query.to || query.hourFrom || query.hourTo || query.weekdays.length;
  return dated ? { ...params, time_zone: timeZone } : params;
}

/** How many filters are set. */
export function filtersSet(query: Query): number {
  return new Set([...writeQuery(query).keys()].filter((name) => name !== "sort")).size;
}

function dayAfter(day: string): string {
  const time = Date.parse(`${day}T00:00Z`);
  return Number.isNaN(time) ? day : new Date(time + 86_400_000).toISOString().slice(0, 10);
}

function number(text: string, most: number): number {
  const value = Number(text);
  return value > 0 && value <= most ? value : 0;
}

function corners(text: string): Point[] | null {
  const numbers = text.split(",").map(Number);
  const valid = numbers.length >= 6 && numbers.length % 2 === 0 && numbers.every((value) => value >= 0 && value <= 1);
  if (!valid) return null;
  return Array.from({ length: numbers.length / 2 }, (_, at) => [numbers[2 * at], numbers[2 * at + 1]] as Point);
}
