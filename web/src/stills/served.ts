// Pictures of tracks that the service has made. Of a job that has none yet only one is asked for, again after a while.
import { request } from "../api/client.ts";
import { ApiError } from "../api/errors.ts";

const AGAIN_MS = 30_000;
/** Maximum number of jobs that are remembered. */
const MOST = 1000;

/** Whether a job has pictures, as the first answer told. */
const known = new Map<string, Promise<boolean>>();

/** The picture of a track; null where there is none. Rejects when the signal aborts. */
export async function servedPicture(job: string, track: number, signal: AbortSignal): Promise<ImageBitmap | null> {
  const before = known.get(job);
  if (before && !(await before)) return null;
  const asked = ask(job, track, signal);
  if (!before) remember(job, asked);
  return (await asked) ?? null;
}

/** The picture; null where there is none, undefined where that is not known. */
async function ask(job: string, track: number, signal: AbortSignal): Promise<ImageBitmap | null | undefined> {
  try {
    signal.throwIfAborted();
    const answer = await request("GET", `/api/v1/jobs/${job}/tracks/${track}/picture`, { signal });
    return await createImageBitmap(await answer.blob());
  } catch (error) {
    signal.throwIfAborted();
    return error instanceof ApiError && error.status === 404 ? null : undefined;
  }
}

function remember(job: string, asked: Promise<ImageBitmap | null | undefined>): void {
  if (known.size >= MOST) known.clear();
  const forget = () => known.delete(job);
  const answer = asked.then(
    (picture) => {
      if (picture === undefined) forget();
      if (picture === null) setTimeout(forget, AGAIN_MS);
      return picture !== null;
    },
    () => {
      forget();
      return true;
    },
  );
  known.set(job, answer);
}
