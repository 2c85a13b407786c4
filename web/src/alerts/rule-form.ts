// The form of an alert rule: conversion from and to the API, and checks. Pure.
import type { LineDirection, Rule, RuleBody, RuleSearch } from "../api/alert-types.ts";
import type { Scene, SceneEventType } from "../api/track-types.ts";
import type { Point } from "../scenes/shapes.ts";
import { DAYS, type Query } from "../search/query.ts";

/** Empty texts and lists and 0 mean any. */
export interface RuleForm {
  name: string;
  enabled: boolean;
  labels: string[];
  /** 0 to 1. */
  minScore: number;
  minSeconds: number;
  scene: string;
  /** "zone Door", "line Gate", or empty for the whole scene. */
  place: string;
  event: SceneEventType | "";
  direction: LineDirection | "";
  streams: string[];
  source: string;
  tag: string;
  /** Only at some times. */
  timed: boolean;
  days: number[];
  /** Times of the day; "00:00" as the end is midnight. */
  from: string;
  to: string;
  timezone: string;
  /** Seconds between two alerts. */
  pause: number;
  /** The id of a webhook, NEW_WEBHOOK for one with the address `url`, or empty for none. */
  webhook: string;
  url: string;
  /** An area that a search had, which becomes a scene of its own. */
  area: Point[] | null;
}

export const NEW_WEBHOOK = "new";

/** Midnight, as the start and the end of a day. */
const [START, END] = ["00:00", "24:00"];
export const EVERY_DAY = [0, 1, 2, 3, 4, 5, 6];

/** What may happen at a zone. */
export const ZONE_EVENTS: SceneEventType[] = ["enters", "leaves", "dwells", "appears", "disappears"];

/** An empty form. timezone: that of the reader. */
export function emptyForm(timezone: string): RuleForm {
  return {
    name: "",
    enabled: true,
    labels: [],
    minScore: 0,
    minSeconds: 0,
    scene: "",
    place: "",
    event: "",
    direction: "",
    streams: [],
    source: "",
    tag: "",
    timed: false,
    days: EVERY_DAY,
    from: "22:00",
    to: "06:00",
    timezone,
    pause: 60,
    webhook: "",
    url: "",
    area: null,
  };
}

/** Rules to begin with. */
export const TEMPLATES: { name: string; part: Partial<RuleForm> }[] = [
  {
    name: "A person after ten at the back door",
    part: { labels: ["person"], minScore: 0.5, timed: true, from: "22:00", to: "06:00", pause: 300 },
  },
  { name: "Somebody stays for a minute", part: { labels: ["person"], minSeconds: 60, pause: 300 } },
  { name: "A car at the weekend", part: { labels: ["car"], timed: true, days: [5, 6], from: "00:00", to: "00:00" } },
];

export function fromTemplate({ name, part }: (typeof TEMPLATES)[number], timezone: string): RuleForm {
  return { ...emptyForm(timezone), name, ...part };
}

export function formOf(
  { name, enabled, search, schedule, at_most_one_in_s, webhook_id }: Rule,
  timezone: string,
): RuleForm {
  return {
    ...emptyForm(timezone),
    name,
    enabled,
    labels: search.label ?? [],
    minScore: search.min_score || 0,
    minSeconds: (search.min_ms ?? 0) / 1000,
    scene: search.scene_id ?? "",
    place: search.zone ? `zone ${search.zone}` : search.line ? `line ${search.line}` : "",
    event: search.event ?? "",
    direction: search.direction ?? "",
    streams: search.stream_id ?? [],
    source: search.source?.[0] ?? "",
    tag: search.tag?.[0] ?? "",
    ...(schedule ? { timed: true, ...schedule, to: schedule.to === END ? START : schedule.to } : {}),
    pause: at_most_one_in_s,
    webhook: webhook_id ?? "",
  };
}

/** The rule that a search becomes. What a rule has no place for is left out: see `lost`. */
export function ofSearch(query: Query, timezone: string): RuleForm {
  const days = query.weekdays.map((day) => DAYS.indexOf(day as (typeof DAYS)[number]));
  const zone = query.zones.length === 1 ? `zone ${query.zones[0]}` : "";
  return {
    ...emptyForm(timezone),
    labels: query.labels,
    minScore: query.minScore,
    minSeconds: query.minSeconds,
    scene: query.scene,
    place: zone,
    streams: query.stream ? [query.stream] : [],
    source: query.source,
    tag: query.tag,
    timed: Boolean(days.length || query.hourFrom || query.hourTo),
    days: days.length ? days : EVERY_DAY,
    from: query.hourFrom || START,
    to: query.hourTo || START,
    area: query.polygon,
  };
}

/** What of a search cannot be a part of a rule, in words. */
export function lost({ from, to, video, direction, zones }: Query): string[] {
  const parts: [unknown, string][] = [
    [from || to, "the days of the calendar"],
    [video, "the video"],
    [direction, "the direction in the picture"],
    [zones.length > 1, "the choice of several zones"],
  ];
  return parts.flatMap(([set, words]) => (set ? [words] : []));
}

/** The body of a rule. scene, webhook: their ids, also where they were just made; empty for none. */
export function bodyOf(form: RuleForm, scene: string, webhook: string): RuleBody {
  const [kind, place] = [form.place.slice(0, 4), form.place.slice(5)];
  const search: RuleSearch = {
    ...(form.labels.length ? { label: form.labels } : {}),
    ...(form.minScore ? { min_score: form.minScore } : {}),
    ...(form.minSeconds ? { min_ms: Math.round(form.minSeconds * 1000) } : {}),
    ...(scene ? { scene_id: scene } : {}),
    ...(scene && place ? { [kind]: place } : {}),
    ...(scene && form.event ? { event: form.event } : {}),
    ...(scene && form.event === "crosses" && form.direction ? { direction: form.direction } : {}),
    ...(form.streams.length ? { stream_id: form.streams } : {}),
    ...(form.source ? { source: [form.source] } : {}),
    ...(form.tag ? { tag: [form.tag] } : {}),
  };
  const { days, from, to, timezone } = form;
  return {
    name: form.name.trim(),
    enabled: form.enabled,
    search,
    schedule: form.timed ? { days, from, to: to === START ? END : to, timezone } : null,
    at_most_one_in_s: form.pause,
    webhook_id: webhook || null,
  };
}

/** What is wrong with a form, or null. */
export function whyNot(form: RuleForm): string | null {
  if (!form.name.trim()) return "Give the rule a name.";
  if (form.timed && !form.days.length) return "Tick at least one day, or let the rule apply always.";
  if (form.timed && !(form.from && form.to)) return "Enter from when to when the rule applies.";
  if (form.timed && form.from === form.to && form.from !== START)
    return "Enter two different times, or 00:00 twice for all day.";
  if (form.webhook === NEW_WEBHOOK && !/^https?:\/\/\S+$/.test(form.url))
    return "Enter an address of the webhook that begins with https:// or http://.";
  const narrow = form.labels.length || form.scene || form.area || form.streams.length || form.source || form.tag;
  if (!narrow)
    return "Choose labels, a scene, cameras, a source or a tag: a rule for everything would alert all the time.";
  return null;
}

/** The places of a scene, to choose from: value and words. */
export function placesOf(scene: Pick<Scene, "zones" | "lines"> | undefined): [string, string][] {
  return [
    ...(scene?.zones ?? []).map(({ name }): [string, string] => [`zone ${name}`, name]),
    ...(scene?.lines ?? []).map(({ name }): [string, string] => [`line ${name}`, `${name} (line)`]),
  ];
}

/** The events that may happen at a place. */
export function eventsAt(place: string): SceneEventType[] {
  if (place.startsWith("line ")) return ["crosses"];
  return place ? ZONE_EVENTS : [...ZONE_EVENTS, "crosses"];
}
