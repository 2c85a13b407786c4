// Whether the service is reachable, as seen by every request; the banner shows it.
import { effect, signal } from "@preact/signals";
import { ApiError, UNREACHED } from "./errors.ts";

export const reached = signal(true);

/** fetch that updates `reached`. Throws ApiError with status 0 without a response. */
export async function tryFetch(path: string, init: RequestInit): Promise<Response> {
  try {
    const answer = await fetch(path, init);
    reached.value = true;
    return answer;
  } catch (error) {
    if (init.signal?.aborted) throw error;
    reached.value = false;
    throw new ApiError(0, "unreached", UNREACHED);
  }
}

/** Resolves after these ms, when the browser is online again, or when the signal aborts. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    addEventListener("online", done);
    signal?.addEventListener("abort", done);
    if (signal?.aborted) done();
  });
}

/** Delay in ms before the n-th retry (from 1): 1 s, doubled up to 30 s, with 25 % jitter. */
export function backoff(tries: number, spread = Math.random()): number {
  return Math.min(30_000, 1000 * 2 ** Math.min(tries - 1, 10)) * (0.75 + spread / 2);
}

/** Polls until the service is reachable, for pages that send no further requests. */
async function untilReached(): Promise<void> {
  for (let tries = 1; !reached.peek(); tries += 1) {
    await pause(backoff(tries));
    if (!reached.peek()) await tryFetch("/healthz", { cache: "no-store" }).catch(() => undefined);
  }
}

effect(() => {
  if (!reached.value) void untilReached();
});
