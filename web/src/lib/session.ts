// The session: the access token is in memory alone, the refresh token in a cookie that no script reads.
import { signal } from "@preact/signals";
import type { User } from "./types.ts";

/** Who is signed in: null for nobody, undefined while that is not known yet. */
export const user = signal<User | null | undefined>(undefined);

let accessToken: string | null = null;

/** fetch with the access token. */
export async function authorized(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  if (accessToken) headers.set("Authorization", `Bearer ${accessToken}`);
  return fetch(path, { ...init, headers });
}

export function setAccessToken(token: string | null): void {
  accessToken = token;
}
