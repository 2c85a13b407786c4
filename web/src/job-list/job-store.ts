// The jobs in the list, kept up to date while the page is open.
import { effect, signal } from "@preact/signals";
import { api } from "../api/client.ts";
import { reached } from "../api/connection.ts";
import { explain } from "../api/errors.ts";
import { listen, liveness } from "../api/event-stream.ts";
import { ENDED, type Job, type List, type Rendition } from "../api/types.ts";
import { nameOf, stateWords } from "../job/job-text.ts";
import { announce } from "../ui/toast.tsx";
import { GROUPS, type Query, withFirstPage, withJob } from "./list-updates.ts";

const PAGE = 24;

/** null: not known yet. */
export const jobs = signal<Job[] | null>(null);
export const query = signal<Query>({ search: "", group: "all" });
export const failure = signal("");
/** Cursor of the next page; null at the end. */
export const nextPage = signal<string | null>(null);

let asked = 0;

export function jobParams({ search, group }: Query) {
  return { limit: PAGE, search: search || null, state: GROUPS[group] };
}

/** Fetch the first page of another query. */
export async function ask(next: Query): Promise<void> {
  query.value = next;
  jobs.value = null;
  await reload();
}

/** A page of what is asked for. A search looks at some jobs at a time: goes on until it has found something. */
async function page(cursor: string | null, wanted: () => boolean): Promise<List<Job>> {
  let found = await api.get<List<Job>>("/api/v1/jobs", { ...jobParams(query.value), cursor });
  while (!found.items.length && found.next_cursor && wanted())
    found = await api.get<List<Job>>("/api/v1/jobs", { ...jobParams(query.value), cursor: found.next_cursor });
  return found;
}

/** Fetch the first page again; the list stays visible meanwhile. */
export async function reload(): Promise<void> {
  asked += 1;
  const own = asked;
  try {
    const first = await page(null, () => own === asked);
    if (own !== asked) return;
    const whole = first.next_cursor === null;
    const before = jobs.value ?? [];
    jobs.value = withFirstPage(before, first.items, whole);
    if (whole || jobs.value.length === first.items.length) nextPage.value = first.next_cursor;
    failure.value = "";
  } catch (error) {
    if (own === asked) failure.value = explain(error);
  }
}

/** Show the next page too. Throws ApiError. */
export async function more(): Promise<void> {
  const own = asked;
  const next = await page(nextPage.value, () => own === asked);
  if (own !== asked) return;
  const known = new Set(jobs.value?.map(({ id }) => id));
  jobs.value = [...(jobs.value ?? []), ...next.items.filter(({ id }) => !known.has(id))];
  nextPage.value = next.next_cursor;
}

/** Take a newer state of a job into the list. */
export function update(job: Job): void {
  const before = jobs.value?.find(({ id }) => id === job.id);
  if (before && !ENDED.has(before.state) && ENDED.has(job.state)) announce(`${nameOf(job)}: ${stateWords(job)}`);
  if (jobs.value) jobs.value = withJob(jobs.value, job, query.value, nextPage.value === null);
}

export function drop(gone: (job: Job) => boolean): void {
  if (jobs.value) jobs.value = jobs.value.filter((job) => !gone(job));
}

/** Subscribe to changes; the returned function unsubscribes. */
export function follow(): () => void {
  const unlisten = listen({
    job: update,
    gone: (id) => drop((job) => job.id === id),
    rendition: takePoster,
    poll: reload,
  });
  // A failed request is repeated once the service is back.
  const again = () => void (failure.peek() && reload());
  const unwatch = effect(() => {
    if (reached.value && liveness.value === "stream") again();
  });
  addEventListener("online", again);
  return () => {
    unlisten();
    unwatch();
    removeEventListener("online", again);
  };
}

function takePoster({ kind, state, video_id, links }: Rendition): void {
  if (kind !== "poster" || state !== "ready") return;
  jobs.value =
    jobs.value?.map((job) =>
      job.video_id === video_id && job.video ? { ...job, video: { ...job.video, poster: links.content } } : job,
    ) ?? null;
}
