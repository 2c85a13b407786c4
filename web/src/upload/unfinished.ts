// Unfinished uploads of earlier visits: the user must choose the file again, since pages cannot reopen files.
import { signal } from "@preact/signals";
import { request } from "../api/client.ts";
import { ApiError } from "../api/errors.ts";
import { items } from "./queue.ts";
import { begun, discard, forgetUrl } from "./transfer.ts";

export interface Unfinished {
  url: string;
  name: string;
  sent: number;
  size: number;
}

export const unfinished = signal<Unfinished[]>([]);

/** Check which of them the service still has. */
export async function findUnfinished(): Promise<void> {
  const found: Unfinished[] = [];
  for (const { uploadUrl, metadata } of await begun()) {
    const url = uploadUrl as string;
    try {
      const answer = await request("HEAD", new URL(url, location.href).pathname, {
        headers: { "Tus-Resumable": "1.0.0" },
      });
      const [sent, size] = ["Upload-Offset", "Upload-Length"].map((name) => Number(answer.headers.get(name)));
      if (sent !== undefined && size !== undefined && sent < size)
        found.push({ url, name: metadata.filename ?? "a file", sent, size });
      else await forgetUrl(url);
    } catch (error) {
      if (error instanceof ApiError && [404, 410].includes(error.status)) await forgetUrl(url);
    }
  }
  const sending = new Set(items.value.map(({ file }) => `${file.name}/${file.size}`));
  unfinished.value = found.filter(({ name, size }) => !sending.has(`${name}/${size}`));
}

/** Remove those whose files were chosen again. */
export function takenUp(files: Iterable<File>): void {
  const taken = new Set([...files].map((file) => `${file.name}/${file.size}`));
  unfinished.value = unfinished.value.filter(({ name, size }) => !taken.has(`${name}/${size}`));
}

export async function discardAll(): Promise<void> {
  const all = unfinished.value;
  unfinished.value = [];
  for (const { url } of all) await discard(url).catch(() => undefined);
}
