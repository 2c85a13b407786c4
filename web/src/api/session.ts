// The session: the access token is kept in memory only, the refresh token in an HttpOnly cookie.
import { signal } from "@preact/signals";
import { recall, remember } from "../lib/local-storage.ts";
import { backoff, pause, tryFetch } from "./connection.ts";
import { ApiError, problem } from "./errors.ts";
import { locked } from "./tab-lock.ts";
import type { User } from "./types.ts";

const AUTH = "/api/v1/auth";
const JSON_BODY = { "Content-Type": "application/json" };
/** An access token is refreshed when it expires in less than this. */
const EARLY_MS = 60_000;
/** Flag that a session may exist: scripts cannot see the cookie, and a failed refresh logs an error in the console. */
const SIGNED_IN = "signed-in";

interface Access {
  token: string;
  /** In the time of performance.now(), which is monotonic. */
  endsAt: number;
}

/** The signed-in user: null for nobody, undefined while unknown. */
export const user = signal<User | null | undefined>(undefined);

/** Whether the page is being loaded anew, for whoever comes next. */
export const leaving = signal(false);

let access: Access | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;
let tabs: BroadcastChannel | null = null;

/** Resume the session of the cookie, if any. Resolves once the user is known; retries while unreachable. */
export async function start(): Promise<void> {
  if ("BroadcastChannel" in globalThis) tabs = new BroadcastChannel("wd-session");
  tabs?.addEventListener("message", ({ data }) => follow(data));
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && user.value) void freshToken().catch(() => undefined);
  });
  if (!recall(SIGNED_IN)) user.value = null;
  for (let tries = 1; user.value === undefined; tries += 1) {
    try {
      user.value = (await freshToken()) ? await me() : null;
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) user.value = null;
      else await pause(backoff(tries));
    }
  }
}

/** Sign in, or register first. Throws ApiError. */
export async function signIn(how: "login" | "register", username: string, password: string): Promise<void> {
  const body = JSON.stringify({ username, password, cookies: true });
  const answer = await tryFetch(`${AUTH}/${how}`, { method: "POST", headers: JSON_BODY, body });
  if (!answer.ok) throw await problem(answer);
  take(await answer.json());
  user.value = await me();
  tabs?.postMessage({ id: user.value.id });
}

/** End this session. API tokens stay valid. */
export const signOut = () => end("logout");

/** End all sessions of the user, and their API tokens unless they are kept. */
export const signOutEverywhere = (keepTokens: boolean) => end(`logout-all?keep_tokens=${keepTokens}`);

async function end(what: string): Promise<void> {
  const answer = await authorized(`${AUTH}/${what}`, { method: "POST" });
  if (!answer.ok && answer.status !== 401) throw await problem(answer);
  tabs?.postMessage({ id: null });
  forget();
}

/** fetch with a valid access token. After a 401 the token is refreshed once. */
export async function authorized(path: string, init: RequestInit = {}): Promise<Response> {
  const token = await freshToken();
  const answer = await tryFetch(path, { ...init, headers: withToken(init.headers, token) });
  if (answer.status !== 401) return answer;
  const next = await freshToken(token);
  if (!next) return answer;
  return tryFetch(path, { ...init, headers: withToken(init.headers, next) });
}

/** A valid access token, or null when the session has ended. refused: a token that the service has rejected. */
export async function freshToken(refused?: string | null): Promise<string | null> {
  const holds = () => access !== null && access.token !== refused && access.endsAt - performance.now() > EARLY_MS / 2;
  if (holds()) return access?.token ?? null;
  if (user.value === null) return null;
  return locked("wd-refresh", async () => (holds() ? (access?.token ?? null) : refresh()));
}

async function refresh(): Promise<string | null> {
  const answer = await tryFetch(`${AUTH}/refresh`, { method: "POST", headers: JSON_BODY, body: "{}" });
  if (answer.ok) return take(await answer.json());
  if (answer.status !== 401) throw await problem(answer);
  forget();
  return null;
}

async function me(): Promise<User> {
  const answer = await authorized(`${AUTH}/me`);
  if (!answer.ok) throw await problem(answer);
  return answer.json();
}

function take(tokens: { access_token: string; expires_in: number }): string {
  remember(SIGNED_IN, true);
  const holdsMs = tokens.expires_in * 1000;
  access = { token: tokens.access_token, endsAt: performance.now() + holdsMs };
  clearTimeout(timer);
  // This also renews the cookie for images and videos, so it must happen even without requests.
  timer = setTimeout(() => void freshToken(access?.token).catch(() => undefined), Math.max(5000, holdsMs - EARLY_MS));
  return access.token;
}

function forget(): void {
  clearTimeout(timer);
  access = null;
  remember(SIGNED_IN, null);
  if (user.value) leave();
  else user.value = null;
}

/** Nothing of a user is left for the next one, nor goes on, such as a camera: the page is loaded anew. */
function leave(): void {
  leaving.value = true;
  user.value = null;
  location.reload();
}

/** Another tab signed in or out; the cookies are shared, so follow it. */
function follow({ id }: { id: string | null }): void {
  if (id === (user.value?.id ?? null)) return;
  if (id === null) forget();
  else leave();
}

function withToken(headers: HeadersInit | undefined, token: string | null): Headers {
  const all = new Headers(headers);
  if (token) all.set("Authorization", `Bearer ${token}`);
  return all;
}
