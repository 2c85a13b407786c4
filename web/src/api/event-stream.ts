// Live changes: one event stream of all jobs for the whole page, with polling as fallback when a proxy buffers streams.
// Only one stream, since browsers open at most six connections per server.
import { effect, signal } from "@preact/signals";
import type { Alert } from "./alert-types.ts";
import { request } from "./client.ts";
import { backoff, pause } from "./connection.ts";
import { ApiError } from "./errors.ts";
import { user } from "./session.ts";
import { EventParser, type ServerEvent } from "./sse.ts";
import type { Job, Rendition } from "./types.ts";

export interface Listener {
  job?(job: Job): void;
  gone?(id: string): void;
  rendition?(rendition: Rendition): void;
  /** One was raised. */
  alert?(alert: Alert): void;
  /** Reload the shown data; called every few seconds without a stream, and after a long gap. */
  poll?(): Promise<void>;
}

/** How changes are received at the moment. */
export const liveness = signal<"connecting" | "stream" | "polling">("connecting");

const STREAM = "/api/v1/events";
/** The service sends a heartbeat every 15 s. */
const SILENCE_MS = 40_000;
const FIRST_SIGN_MS = 20_000;
const POLL_MS = 5000;
/** A hidden page closes its stream after this time. */
const HIDDEN_MS = 60_000;

const listeners = new Set<Listener>();
let lastId = "";
let running: AbortController | null = null;

/** Subscribe to changes; the returned function unsubscribes. */
export function listen(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Open the stream while a user is signed in and the page is visible. Call once. */
export function startLive(): void {
  effect(() => {
    const someone = user.value?.id;
    stop();
    lastId = "";
    if (someone) run();
  });
  let hiding: ReturnType<typeof setTimeout> | undefined;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hiding);
    if (document.hidden) hiding = setTimeout(stop, HIDDEN_MS);
    else if (user.value && !running) {
      run();
      void pollAll();
    }
  });
}

function stop(): void {
  running?.abort();
  running = null;
}

function run(): void {
  running = new AbortController();
  void keep(running.signal);
}

async function keep(signal: AbortSignal): Promise<void> {
  const polling = setInterval(() => {
    if (liveness.value === "polling" && !signal.aborted) void pollAll();
  }, POLL_MS);
  for (let failures = 0; !signal.aborted; ) {
    liveness.value = failures > 1 ? "polling" : "connecting";
    const heard = await readOnce(signal);
    if (signal.aborted) break;
    failures = heard ? 1 : failures + 1;
    await pause(backoff(failures), signal);
  }
  clearInterval(polling);
}

/** Read one stream until it ends; returns whether anything was received. */
async function readOnce(signal: AbortSignal): Promise<boolean> {
  const own = new AbortController();
  const end = () => own.abort();
  signal.addEventListener("abort", end);
  let watchdog = setTimeout(end, FIRST_SIGN_MS);
  let heard = false;
  try {
    const headers: Record<string, string> = { Accept: "text/event-stream" };
    if (lastId) headers["Last-Event-ID"] = lastId;
    const answer = await request("GET", STREAM, { headers, signal: own.signal, cache: "no-store" });
    const parser = new EventParser();
    const decoder = new TextDecoder();
    const reader = answer.body?.getReader();
    for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
      heard = true;
      liveness.value = "stream";
      clearTimeout(watchdog);
      watchdog = setTimeout(end, SILENCE_MS);
      for (const event of parser.push(decoder.decode(part.value, { stream: true }))) deliver(event);
      // Also set by the first event, which has no data.
      if (parser.id) lastId = parser.id;
    }
  } catch (error) {
    if (error instanceof ApiError && error.status === 400) lastId = "";
  } finally {
    clearTimeout(watchdog);
    signal.removeEventListener("abort", end);
    own.abort();
  }
  return heard;
}

function deliver({ event, data }: ServerEvent): void {
  const value = JSON.parse(data);
  for (const listener of listeners) {
    if (event === "job") listener.job?.(value);
    else if (event === "gone") listener.gone?.(value.id);
    else if (event === "rendition") listener.rendition?.(value);
    else if (event === "alert") listener.alert?.(value);
  }
}

async function pollAll(): Promise<void> {
  await Promise.all([...listeners].map((listener) => listener.poll?.().catch(() => undefined)));
}
