// The list of jobs as it is shown, and how it takes in what happens meanwhile. Pure.
import type { Job, JobState } from "../api/types.ts";

export type Group = "all" | "working" | "done" | "stopped";

export const GROUPS: Record<Group, readonly JobState[]> = {
  all: [],
  working: ["queued", "planning", "running", "merging"],
  done: ["succeeded", "partial"],
  stopped: ["failed", "cancelled"],
};

export interface Query {
  /** Part of the video's name. */
  search: string;
  group: Group;
}

export function asksFor({ search, group }: Query, job: Job): boolean {
  const states = GROUPS[group];
  if (states.length && !states.includes(job.state)) return false;
  return !search || (job.video?.name ?? "").toLowerCase().includes(search.toLowerCase());
}

/**
 * The list with the latest word on a job: the newest first, without what is not asked for any more.
 *
 * whole: nothing more is to come. If more is, a job older than all shown comes with its page.
 */
export function withJob(list: readonly Job[], job: Job, query: Query, whole: boolean): Job[] {
  const rest = list.filter(({ id }) => id !== job.id);
  if (!asksFor(query, job)) return rest;
  const at = rest.findIndex((other) => other.created_at < job.created_at);
  const known = rest.length < list.length;
  if (at < 0) return known || whole || !rest.length ? [...rest, job] : rest;
  return [...rest.slice(0, at), job, ...rest.slice(at)];
}

/** The list after its first page was asked for again: what is on later pages stays. */
export function withFirstPage(list: readonly Job[], page: readonly Job[], whole: boolean): Job[] {
  const last = page.at(-1);
  if (whole || !last) return [...page];
  const fresh = new Set(page.map(({ id }) => id));
  return [...page, ...list.filter(({ id, created_at }) => !fresh.has(id) && created_at < last.created_at)];
}
