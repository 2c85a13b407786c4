// Which recording has a moment of a stream. Pure.
import type { Recording } from "../api/stream-types.ts";

type Part = Pick<Recording, "job_id" | "started_at" | "ended_at">;

/** The player at a moment (ms since 1970), where one of these recordings has it and its results. */
export function recordingLink(recordings: readonly Part[], moment: number): string | null {
  const found = recordings.find(
    ({ job_id, started_at, ended_at }) =>
      job_id && ended_at && Date.parse(started_at) <= moment && moment < Date.parse(ended_at),
  );
  if (!found) return null;
  return `/jobs/${found.job_id}#t=${((moment - Date.parse(found.started_at)) / 1000).toFixed(2)}`;
}
