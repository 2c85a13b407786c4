import { signal } from "@preact/signals";
import { api } from "../api/client.ts";
import type { Job } from "../api/types.ts";
import { recall, remember } from "../lib/local-storage.ts";
import { type Form, formOf, type JobRequest, requestOf } from "./options.ts";

/** What a video is looked through with when nothing else is said for it. */
export const usual = signal<Form>(recalled("options") ?? formOf());

/** Take other options for what comes; and, if wanted, for the next visits too. */
export function setUsual(form: Form, forever: boolean): void {
  usual.value = form;
  // A region and times are of one camera and one recording.
  if (forever) remember("options", requestOf({ ...form, region: null, start_ms: "", end_ms: "" }));
}

/** The options of a file of its own, also after a reload of the page and another choice of the file. */
export function optionsOf(file: File): Form | null {
  return recalled(nameOf(file));
}

/** Remember them until it has arrived; null forgets them. */
export function setOptionsOf(file: File, form: Form | null): void {
  remember(nameOf(file), form && requestOf(form));
}

function recalled(name: string): Form | null {
  const request = recall<JobRequest>(name);
  return request && formOf(request.model, request.options);
}

function nameOf(file: File): string {
  return `options.${file.name}.${file.size}.${file.lastModified}`;
}

/** Start a job on a video. key: the same key starts no second one. Throws ApiError. */
export function startJob(videoId: string, form: Form, key?: string): Promise<Job> {
  const headers = key ? { "Idempotency-Key": key } : undefined;
  return api.post<Job>("/api/v1/jobs", { video_id: videoId, ...requestOf(form) }, headers);
}
