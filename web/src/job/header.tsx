// Name, state and progress of the job.
import type { ApiError } from "../lib/api.ts";
import { ENDED, type Job } from "../lib/types.ts";
import { ProgressBar } from "./progress.tsx";
import { progressWords, rangeWords, STATES, toneOf, whatToDo } from "./words.ts";

interface Props {
  job: Job;
  name: string;
  problem: ApiError | null;
}

export function Header({ job, name, problem }: Props) {
  const running = !ENDED.has(job.state);
  const wanted = running && job.cancel_requested ? "Stopping" : STATES[job.state];
  return (
    <header class="job-header">
      <div class="title">
        <h1>{name}</h1>
        <p class={`state ${toneOf(job.state)}`} role="status">
          {wanted}
        </p>
      </div>
      {running && (
        <div class="job-progress">
          <ProgressBar fraction={job.progress.fraction} label="Progress of the job" />
          <p>{progressWords(job)}</p>
        </div>
      )}
      {problem && (
        <p class="banner warn" role="status">
          The service is not reached: what you see may be old. It is tried again by itself.
        </p>
      )}
      <Failure job={job} />
    </header>
  );
}

const MOST_RANGES = 5;

/** What went wrong, and what to do. */
function Failure({ job }: { job: Job }) {
  const todo = whatToDo(job);
  if (!job.error && !job.failed_ranges.length && !todo) return null;
  const more = job.failed_ranges.length - MOST_RANGES;
  return (
    <div class={`banner ${job.state === "failed" ? "bad" : "warn"}`}>
      {job.error && <p>{job.error.detail}</p>}
      {job.failed_ranges.length > 0 && (
        <ul>
          {job.failed_ranges.slice(0, MOST_RANGES).map((range) => (
            <li key={range.first}>{rangeWords(range)}</li>
          ))}
          {more > 0 && <li>and {more} more ranges</li>}
        </ul>
      )}
      {todo && <p>{todo}</p>}
    </div>
  );
}
