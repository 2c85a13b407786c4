import { signal } from "@preact/signals";
import { api } from "../api/client.ts";
import type { Job } from "../api/types.ts";
import { recall, remember } from "../lib/local-storage.ts";
import { type Form, formOf, type JobRequest, requestOf } from "./options.ts";

/** The default options of new jobs. */
export const usual = signal<Form>(recalled("options") ?? formOf());

/** Change the default options, and optionally store them for later visits. */
export function setUsual(form: Form, forever: boolean): void {
  usual.value = form;
  // Region and time range are specific to a video.
  if (forever) remember("options", requestOf({ ...form, region: null, start_ms: "", end_ms: "" }));
}

/** The stored options of a file, also after reloading the page and choosing the file again. */
export function optionsOf(file: File): Form | null {
  return recalled(nameOf(file));
}

/** Store them until the upload is complete; null removes them. */
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

/** Start a job on a video. key: idempotency key. Throws ApiError. */
export function startJob(videoId: string, form: Form, key?: string): Promise<Job> {
  const headers = key ? { "Idempotency-Key": key } : undefined;
  return api.post<Job>("/api/v1/jobs", { video_id: videoId, ...requestOf(form) }, headers);
}
