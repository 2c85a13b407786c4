// One file on its way, by the tus protocol: what arrived stays, and the rest is sent when there is a connection.
import { DetailedError, defaultOptions, type PreviousUpload, Upload, type UploadOptions } from "tus-js-client";
import { problemOf } from "../api/errors.ts";
import { freshToken, user } from "../api/session.ts";
import { verdict } from "./verdict.ts";

export const UPLOADS = "/api/v1/uploads";
/** A piece is one request: each is authorized, and goes through proxies that bound a request. */
const PIECE_BYTES = 64 * 2 ** 20;

export interface Hooks {
  /** sent, and of how many; while it runs. */
  progress(sent: number): void;
  /** All has arrived. The id is that of the upload, and of the video it became. */
  done(id: string): void;
  /** It stopped by itself. again: whether another start may help. */
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

  /** Begin, or go on where it stopped; also where an earlier visit of the page stopped. */
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

  /** Stop, and have the service throw away what arrived. */
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

/** The same file of the same user: what an earlier visit had begun is found by it. */
function fingerprint(file: File): string {
  return ["wd", user.value?.id, file.name, file.type, file.size, file.lastModified].join("-");
}

export function uploadId(url: string): string {
  return url.replace(/\/+$/, "").split("/").pop() ?? "";
}

/** What this browser knows of uploads of this user that were begun. */
export async function begun(): Promise<PreviousUpload[]> {
  const all = await defaultOptions.urlStorage.findAllUploads();
  const own = `wd-${user.value?.id}-`;
  return all.filter((one) => one.uploadUrl && one.urlStorageKey.includes(own));
}

/** Have the service throw away an upload, and forget it here. */
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
