// Whether the service is reached. Every request tells; the banner of the page shows it.
import { effect, signal } from "@preact/signals";
import { ApiError, UNREACHED } from "./errors.ts";

export const reached = signal(true);

/** fetch that tells `reached` how it went. Throws ApiError with status 0 when nothing answers. */
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

/** Resolves after so many ms, or as soon as the browser says that there is a network again, or the signal ends. */
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

/** How long to wait before the n-th try (from 1) after a failure, in ms: 1 s doubled up to 30 s, spread by a quarter. */
export function backoff(tries: number, spread = Math.random()): number {
  return Math.min(30_000, 1000 * 2 ** Math.min(tries - 1, 10)) * (0.75 + spread / 2);
}

/** The page says that it tries again by itself: on a view that asks for nothing more, this is what does. */
async function untilReached(): Promise<void> {
  for (let tries = 1; !reached.peek(); tries += 1) {
    await pause(backoff(tries));
    if (!reached.peek()) await tryFetch("/healthz", { cache: "no-store" }).catch(() => undefined);
  }
}

effect(() => {
  if (!reached.value) void untilReached();
});
