import { useState } from "preact/hooks";
import { api } from "../api/client.ts";
import { explain } from "../api/errors.ts";
import { modelOf } from "../api/models.ts";
import { ENDED, type Job } from "../api/types.ts";
import { nameOf, progressWords, stateWords, toneOf, videoFacts } from "../job/job-text.ts";
import { ago } from "../lib/time-format.ts";
import { ContactSheet } from "../stills/contact-sheet.tsx";
import { Button } from "../ui/button.tsx";
import { Confirm } from "../ui/dialog.tsx";
import { Link } from "../ui/link.tsx";
import { Menu } from "../ui/menu.tsx";
import { Poster } from "../ui/poster.tsx";
import { Progress } from "../ui/progress.tsx";
import { toast } from "../ui/toast.tsx";
import { describe, formOf } from "../upload/options.ts";
import { OptionsDialog } from "../upload/options-dialog.tsx";
import { startJob } from "../upload/start-job.ts";
import { drop, update } from "./job-store.ts";
import { findVideosWithoutJob } from "./videos-without-job.ts";

/** One job in the list. */
export function JobRow({ job }: { job: Job }) {
  const [dialog, setDialog] = useState<"delete" | "options" | "sheet" | null>(null);
  const name = nameOf(job);
  const form = formOf(job.model, job.options);
  const ended = ENDED.has(job.state);
  const again = async (options = form) => {
    update(await startJob(job.video_id, options));
    toast(`${name} is being analysed again`);
  };
  const cancel = async () => update(await api.post<Job>(job.links.cancel ?? ""));
  return (
    <li class="job">
      <Link href={`/jobs/${job.id}`} class="job-poster" tabIndex={-1} aria-hidden="true">
        <Poster src={job.video?.poster} />
      </Link>
      <div class="job-words">
        <h3>
          <Link href={`/jobs/${job.id}`}>{name}</Link>
        </h3>
        <p class="soft">
          {[videoFacts(job.video), modelOf(job.model)?.title ?? job.model, describe(form)].filter(Boolean).join(" · ")}
        </p>
        <JobStatus job={job} />
      </div>
      <div class="job-buttons">
        {ended ? (
          <Menu
            label={`Actions for ${name}`}
            items={[
              { icon: "retry", text: "Run again", act: () => tell(again()) },
              { icon: "sliders", text: "Run with other options…", act: () => setDialog("options") },
              { icon: "film", text: "Contact sheet…", act: () => setDialog("sheet") },
              { icon: "trash", text: "Delete…", danger: true, act: () => setDialog("delete") },
            ]}
          />
        ) : (
          <Button
            icon="stop"
            disabled={job.cancel_requested}
            onClick={() => tell(cancel())}
            aria-label={`Cancel ${name}`}
          >
            Cancel
          </Button>
        )}
      </div>
      {dialog === "options" && (
        <OptionsDialog
          title={`Run ${name} again`}
          deed="Start"
          form={form}
          video={{ poster: job.video?.poster }}
          durationMs={job.video?.duration_ms ?? null}
          onClose={() => setDialog(null)}
          onSave={again}
        />
      )}
      {dialog === "sheet" && <ContactSheet video={job.video_id} name={name} onClose={() => setDialog(null)} />}
      {dialog === "delete" && <Delete job={job} name={name} onClose={() => setDialog(null)} />}
    </li>
  );
}

function JobStatus({ job }: { job: Job }) {
  const { state, progress, error, created_at, finished_at } = job;
  const ended = ENDED.has(state);
  const known = state === "running" && progress.frames_total !== null;
  return (
    <div class="job-status">
      <p>
        <span class={`badge ${toneOf(state)}`}>{stateWords(job)}</span>
        <span class="soft">
          {state === "running" ? progressWords(progress) : <Time time={finished_at ?? created_at} />}
        </span>
      </p>
      {!ended && state !== "queued" && (
        <Progress value={known ? progress.fraction : null} label={`Progress of ${nameOf(job)}`} />
      )}
      {error && <p class={state === "failed" ? "error-text" : "soft"}>{error.detail}</p>}
    </div>
  );
}

function Time({ time }: { time: string }) {
  return (
    <time dateTime={time} title={new Date(time).toLocaleString()}>
      {ago(time)}
    </time>
  );
}

function Delete({ job, name, onClose }: { job: Job; name: string; onClose(): void }) {
  const [video, setVideo] = useState(false);
  const remove = async () => {
    await api.del(video ? `/api/v1/videos/${job.video_id}` : `/api/v1/jobs/${job.id}`);
    drop((other) => (video ? other.video_id === job.video_id : other.id === job.id));
    toast(video ? `${name} deleted` : `The results of ${name} are deleted`);
    if (!video) findVideosWithoutJob().catch(() => undefined); // it may be the last job of its video
  };
  return (
    <Confirm title={`Delete ${name}?`} deed="Delete" onClose={onClose} onConfirm={remove}>
      <p>The results are deleted permanently. This cannot be undone.{video ? "" : " The video stays."}</p>
      <label class="tick">
        <input type="checkbox" checked={video} onChange={(event) => setVideo(event.currentTarget.checked)} />
        Also delete the video and all its other jobs
      </label>
    </Confirm>
  );
}

function tell(work: Promise<void>): void {
  work.catch((error) => toast(explain(error), "bad"));
}
