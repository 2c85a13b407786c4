// What the service tells by itself: one stream of all jobs for the whole page, and questions in its place where a
// proxy holds streams back. Only one, as browsers open six connections to a server and no more.
import { effect, signal } from "@preact/signals";
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
  /** Ask for what is shown; called every few seconds while there is no stream, and after one was missed for long. */
  poll?(): Promise<void>;
}

/** How the page learns of changes. */
export const liveness = signal<"connecting" | "stream" | "polling">("connecting");

const STREAM = "/api/v1/events";
/** The service sends something every 15 s. */
const SILENCE_MS = 40_000;
const FIRST_SIGN_MS = 20_000;
const POLL_MS = 5000;
/** A page that nobody looks at gives its connection back. */
const HIDDEN_MS = 60_000;

const listeners = new Set<Listener>();
let lastId = "";
let running: AbortController | null = null;

/** Hear of changes until the function that comes back is called. */
export function listen(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Follow the session: a stream while somebody is signed in and looks. Called once, by the page. */
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

/** One stream until it ends; whether anything came. */
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
      // Also of an event without data, with which a stream begins.
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
  }
}

async function pollAll(): Promise<void> {
  await Promise.all([...listeners].map((listener) => listener.poll?.().catch(() => undefined)));
}
