// Alert rules and alerts in words. Pure.
import type { Alert, Delivery, Rule, RuleSearch, Schedule } from "../api/alert-types.ts";
import { day, duration } from "../lib/time-format.ts";
import { DAY_WORDS } from "../search/query.ts";

const EVERY_DAY = DAY_WORDS.length;

/** "Mon to Fri", "Sat, Sun", "every day". */
export function daysText(days: readonly number[]): string {
  if (days.length === EVERY_DAY) return "every day";
  const sorted = [...days].sort((a, b) => a - b);
  const [first, last] = [sorted[0] ?? 0, sorted.at(-1) ?? 0];
  if (sorted.length > 2 && last - first === sorted.length - 1) return `${DAY_WORDS[first]} to ${DAY_WORDS[last]}`;
  return sorted.map((day) => DAY_WORDS[day]).join(", ");
}

/** "every day, 22:00 to 06:00 (Europe/Berlin)". here: the time zone of the reader, which is not told. */
export function scheduleText(schedule: Schedule | null, here: string): string {
  if (!schedule) return "always";
  const { days, from, to, timezone } = schedule;
  const hours = from === "00:00" && to === "24:00" ? "all day" : `${from} to ${to}`;
  return `${daysText(days)}, ${hours}${timezone === here ? "" : ` (${timezone})`}`;
}

/** What a rule's words need to know by name. */
export interface Names {
  scenes: ReadonlyMap<string, string>;
  streams: ReadonlyMap<string, string>;
}

const EVENTS: Record<string, string> = {
  enters: "enters",
  leaves: "leaves",
  appears: "first seen in",
  disappears: "last seen in",
  dwells: "stays in",
  crosses: "crosses",
};

/** "person or car, at least 60 %, enters Door (Yard), on Gate". */
export function searchText(search: RuleSearch, names: Names): string {
  const { label = [], min_score, min_ms, stream_id = [], source = [], tag = [] } = search;
  const parts = [label.length ? label.join(" or ") : "anything", whereText(search, names)];
  if (min_score) parts.push(`at least ${Math.round(min_score * 100)} %`);
  if (min_ms) parts.push(`at least ${duration(min_ms / 1000)}`);
  if (stream_id.length)
    parts.push(`on ${stream_id.map((id) => names.streams.get(id) ?? "a deleted camera").join(" or ")}`);
  if (source.length) parts.push(`from ${source.join(" or ")}`);
  if (tag.length) parts.push(`tagged ${tag.join(" or ")}`);
  return parts.filter(Boolean).join(", ");
}

function whereText({ scene_id, zone, line, event, direction }: RuleSearch, { scenes }: Names): string {
  if (!scene_id) return "";
  const scene = scenes.get(scene_id) ?? "a deleted scene";
  const place = zone || line;
  const words = event ? (EVENTS[event] ?? event) : line ? "crosses" : "in";
  return `${words} ${place ? `${place} (${scene})` : scene}${direction ? ` ${direction}` : ""}`;
}

/** "at most one in 5 min". */
export function rateText(seconds: number): string {
  return `at most one in ${duration(seconds)}`;
}

// One for all, since making one takes longer than using it.
const MOMENT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** "Jan 31, 2026, 2:02:11 PM". */
export function alertTime({ at_ms, dated }: Pick<Alert, "at_ms" | "dated">): string {
  return `${dated ? "" : "uploaded "}${MOMENT.format(new Date(at_ms))}`;
}

/** "person enters Door, 87 %". */
export function alertWhat({ label, score, event, zone, line, direction }: Alert): string {
  const place = zone ?? line;
  const what = event ? ` ${EVENTS[event] ?? event}` : place ? " in" : "";
  return `${label}${what}${place ? ` ${place}` : ""}${direction ? ` ${direction}` : ""}, ${Math.round(score * 100)} %`;
}

/** Where an alert leads: the player, or the stream as long as it is not recorded. Null where nothing of it is left. */
export function alertLink({ job_id, stream_id, start_ms, track, at_ms }: Alert): string | null {
  if (job_id) return `/jobs/${job_id}#t=${(start_ms / 1000).toFixed(2)}&track=${track}`;
  return stream_id ? `/live/${stream_id}#at=${at_ms}` : null;
}

/** What is told of a rule besides its search. urls: addresses of webhooks by id. */
export function ruleFacts(rule: Rule, here: string, urls: ReadonlyMap<string, string>): string {
  const { schedule, at_most_one_in_s, webhook_id } = rule;
  const call = webhook_id ? `calls ${hostOf(urls.get(webhook_id) ?? "a webhook")}` : "";
  return [scheduleText(schedule, here), rateText(at_most_one_in_s), call].filter(Boolean).join(" · ");
}

/** Why a rule fails, and what to do: "Since Jan 31, 2026. …". Null where it works, and while it is off. */
export function failureText({ enabled, error, failed_at }: Rule): string | null {
  if (!enabled || !error) return null;
  return `${failed_at ? `Since ${day(failed_at)}. ` : ""}${error.detail}`;
}

/** Why the newest call of a webhook failed of which it is known how it went; null where it arrived. */
export function lastRefusal(newestFirst: readonly Pick<Delivery, "state" | "error">[]): string | null {
  return newestFirst.find(({ state, error }) => state === "delivered" || error)?.error ?? null;
}

/** What is told of a webhook that could not be called. why: as `lastRefusal` has it. */
export function refusalText(url: string, why: string): string {
  return `Its webhook at ${hostOf(url)} did not take the last call: ${why}. Correct that there, or choose another webhook.`;
}

/** The host of an address. */
export function hostOf(url: string): string {
  return /^\w+:\/\/([^/?#]+)/.exec(url)?.[1] ?? url;
}
