// How changes are merged into the list of jobs. Pure.
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
 * The list with a job's newest state: newest job first, without jobs that no longer match the query.
 *
 * whole: there are no further pages. Otherwise a job older than all shown ones comes with its page.
 */
export function withJob(list: readonly Job[], job: Job, query: Query, whole: boolean): Job[] {
  const rest = list.filter(({ id }) => id !== job.id);
  if (!asksFor(query, job)) return rest;
  const at = rest.findIndex((other) => other.created_at < job.created_at);
  const known = rest.length < list.length;
  if (at < 0) return known || whole || !rest.length ? [...rest, job] : rest;
  return [...rest.slice(0, at), job, ...rest.slice(at)];
}

/** The list after its first page was fetched again: jobs of later pages stay. */
export function withFirstPage(list: readonly Job[], page: readonly Job[], whole: boolean): Job[] {
  const last = page.at(-1);
  if (whole || !last) return [...page];
  const fresh = new Set(page.map(({ id }) => id));
  return [...page, ...list.filter(({ id, created_at }) => !fresh.has(id) && created_at < last.created_at)];
}
