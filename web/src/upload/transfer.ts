// A resumable upload of one file by the tus protocol.
import { DetailedError, defaultOptions, type PreviousUpload, Upload, type UploadOptions } from "tus-js-client";
import { problemOf } from "../api/errors.ts";
import { freshToken, user } from "../api/session.ts";
import { verdict } from "./verdict.ts";

export const UPLOADS = "/api/v1/uploads";
/** Bytes per request: each request gets a fresh token, and proxies limit the size of requests. */
const PIECE_BYTES = 64 * 2 ** 20;

export interface Hooks {
  /** sent, and of how many; while it runs. */
  progress(sent: number): void;
  /** The upload is complete; the id of the upload is also that of the video. */
  done(id: string): void;
  /** The upload failed. again: whether retrying may help. */
  stopped(reason: string, again: boolean): void;
}

export class Transfer {
  private readonly upload: Upload;
  private readonly hooks: Hooks;
  private token: string | null = null;
  private refused: string | null = null;
  private looked = false;

  constructor(file: File, hooks: Hooks) {
    this.hooks = hooks;
    this.upload = new Upload(file, {
      endpoint: UPLOADS,
      chunkSize: PIECE_BYTES,
      retryDelays: null,
      metadata: { filename: file.name, filetype: file.type || "application/octet-stream" },
      fingerprint: () => Promise.resolve(fingerprint(file)),
      removeFingerprintOnSuccess: true,
      onBeforeRequest: async (request) => {
        this.token = await freshToken(this.refused);
        if (this.token) request.setHeader("Authorization", `Bearer ${this.token}`);
      },
      onProgress: (sent) => hooks.progress(sent),
      onSuccess: () => hooks.done(uploadId(this.upload.url ?? "")),
      onError: (error) => this.failed(error),
    });
  }

  /** Start or resume, also an upload of an earlier visit. */
  async start(): Promise<void> {
    if (!this.looked) {
      this.looked = true;
      const [previous] = await this.upload.findPreviousUploads();
      if (previous) this.upload.resumeFromPreviousUpload(previous);
    }
    this.upload.start();
  }

  async pause(): Promise<void> {
    await this.upload.abort();
  }

  /** Abort, and delete the upload on the service. */
  async cancel(): Promise<void> {
    await this.upload.abort();
    if (this.upload.url) await discard(this.upload.url).catch(() => undefined);
  }

  private failed(error: Error): void {
    const response = error instanceof DetailedError ? error.originalResponse : null;
    const status = response?.getStatus() ?? 0;
    const what = verdict(status);
    const reason = status ? problemOf(status, response?.getBody() ?? "").detail : "The connection was lost.";
    const renewed = what === "renew" && this.token !== null && this.token !== this.refused;
    if (renewed) this.refused = this.token;
    if (what === "give up") void forgetUrl(this.upload.url);
    this.hooks.stopped(reason, what === "again" || renewed);
  }
}

/** Fingerprint of file and user, by which an earlier upload is found. */
function fingerprint(file: File): string {
  return ["wd", user.value?.id, file.name, file.type, file.size, file.lastModified].join("-");
}

export function uploadId(url: string): string {
  return url.replace(/\/+$/, "").split("/").pop() ?? "";
}

/** Stored unfinished uploads of this user. */
export async function begun(): Promise<PreviousUpload[]> {
  const all = await defaultOptions.urlStorage.findAllUploads();
  const own = `wd-${user.value?.id}-`;
  return all.filter((one) => one.uploadUrl && one.urlStorageKey.includes(own));
}

/** Delete an upload on the service and here. */
export async function discard(url: string): Promise<void> {
  const token = await freshToken();
  const options: UploadOptions = { headers: token ? { Authorization: `Bearer ${token}` } : {}, retryDelays: null };
  await forgetUrl(url);
  await Upload.terminate(url, options);
}

export async function forgetUrl(url: string | null): Promise<void> {
  for (const one of await defaultOptions.urlStorage.findAllUploads())
    if (one.uploadUrl === url) await defaultOptions.urlStorage.removeUpload(one.urlStorageKey);
}
