// Name, state, progress and actions of the job.
import { useState } from "preact/hooks";
import { api } from "../api/client.ts";
import { explain } from "../api/errors.ts";
import { ENDED, type Job } from "../api/types.ts";
import { navigate } from "../lib/router.ts";
import { Button } from "../ui/button.tsx";
import { Link } from "../ui/link.tsx";
import { Progress } from "../ui/progress.tsx";
import { toast } from "../ui/toast.tsx";
import { nameOf, progressWords, rangeWords, stateWords, toneOf, whatToDo } from "./job-text.ts";

export function Header({ job, onJob }: { job: Job; onJob: (job: Job) => void }) {
  const running = !ENDED.has(job.state);
  return (
    <header class="job-header">
      <p class="way">
        <Link href="/">← All videos</Link>
      </p>
      <div class="title">
        <h1 tabIndex={-1}>{nameOf(job)}</h1>
        <span class={`badge ${toneOf(job.state)}`} role="status">
          {stateWords(job)}
        </span>
        <span class="spring" />
        <Act job={job} running={running} onJob={onJob} />
      </div>
      {running && (
        <div class="job-progress">
          <Progress value={job.state === "queued" ? 0 : job.progress.fraction} label="Job progress" />
          <p class="soft">{progressWords(job.progress)}</p>
        </div>
      )}
      <Failure job={job} />
    </header>
  );
}

/** Cancel a running job, or run an ended one again. */
function Act({ job, running, onJob }: { job: Job; running: boolean; onJob: (job: Job) => void }) {
  const [busy, setBusy] = useState(false);
  const act = (deed: () => Promise<void>) => {
    setBusy(true);
    deed()
      .catch((error) => toast(explain(error), "bad"))
      .finally(() => setBusy(false));
  };
  const cancel = async () => onJob(await api.post<Job>(`/api/v1/jobs/${job.id}/cancel`));
  const again = async () => {
    const body = { video_id: job.video_id, model: job.model, options: job.options };
    const headers = { "Idempotency-Key": crypto.randomUUID?.() ?? `${job.id}-${performance.now()}` };
    const { id } = await api.post<Job>("/api/v1/jobs", body, headers);
    navigate(`/jobs/${id}`);
  };
  return running ? (
    <Button icon="stop" busy={busy} disabled={job.cancel_requested} onClick={() => act(cancel)}>
      Cancel
    </Button>
  ) : (
    <Button icon="retry" busy={busy} onClick={() => act(again)}>
      Run again
    </Button>
  );
}

const MOST_RANGES = 5;

/** The error of the job, and what to do. */
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
