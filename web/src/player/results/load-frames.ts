// Loads the boxes of a time range.
import { api } from "../../api/client.ts";
import type { Frame, ResultPage } from "../../api/types.ts";
import type { Loaded } from "./result-windows.ts";

const PAGE_FRAMES = 1000;

/** All frames from `fromMs` to `toMs`. Not final while the running job has not reached `toMs`. */
export async function loadFrames(job: string, fromMs: number, toMs: number, signal: AbortSignal): Promise<Loaded> {
  const frames: Frame[] = [];
  let cursor: string | null = null;
  for (;;) {
    const page: ResultPage = await api.get<ResultPage>(
      `/api/v1/jobs/${job}/results`,
      { from_ms: fromMs, to_ms: toMs, limit: PAGE_FRAMES, cursor },
      signal,
    );
    frames.push(...page.frames);
    cursor = page.next_cursor;
    if (cursor === null) return { frames, final: true };
    // A page that is not full ends at the frontier of the running job.
    if (page.frames.length < PAGE_FRAMES) return { frames, final: false };
  }
}

/** The first frames of a job, to compute the offset to the browser's times. */
export async function loadFirst(job: string, signal: AbortSignal): Promise<Frame[]> {
  return (await api.get<ResultPage>(`/api/v1/jobs/${job}/results`, { limit: 50 }, signal)).frames;
}
