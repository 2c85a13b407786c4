// Copies of the video that the service makes on demand: one with the boxes drawn in, one in which objects are hidden.
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { RenditionRequest } from "../api/rendition.ts";
import { ENDED, type Job } from "../api/types.ts";
import { bytes, many } from "../lib/format.ts";
import { Button } from "../ui/button.tsx";
import { Progress } from "../ui/progress.tsx";
import { Labels } from "../upload/labels.tsx";
import type { Shown } from "./export-links.ts";

/** The video with boxes drawn in, of what is shown. */
export function Annotated({ job, shown }: { job: Job; shown: Shown }) {
  const copy = useCopy(job, "annotated");
  const ask = () =>
    copy.ask({
      ...(shown.minScore === null ? {} : { min_score: shown.minScore }),
      ...(shown.labels ? { labels: [...shown.labels] } : {}),
    });
  return (
    <Copy
      title="Video with boxes"
      of="the video with boxes"
      download="Download MP4"
      copy={copy}
      missing={ENDED.has(job.state) ? "" : "Available when the job has ended."}
      onAsk={ask}
    >
      <p class="soft">Contains the detections selected above.</p>
    </Copy>
  );
}

/** The video in which the objects of some labels cannot be recognised. labels: those that the job found. */
export function Blurred({ job, labels }: { job: Job; labels: readonly string[] }) {
  const copy = useCopy(job, "blurred");
  const [chosen, setChosen] = useState<string[]>([]);
  const tracked = typeof job.tracks?.tracks === "number";
  const missing = tracked ? "" : "Needs the tracks of the job.";
  // Anew, since tracks may have been made anew, and what is hidden follows from them.
  const ask = () => copy.askAnew(chosen.length ? { labels: chosen } : {});
  return (
    <Copy
      title="Blurred video"
      of="the blurred video"
      download="Download blurred MP4"
      copy={copy}
      missing={ENDED.has(job.state) ? missing : "Available when the job has ended."}
      onAsk={ask}
    >
      <Labels label="Labels to hide" owner="The job" all={labels} chosen={chosen} onChange={setChosen} />
      <p class="soft">
        What the job has not found stays visible: look at the copy before you pass it on. It has no sound.
      </p>
    </Copy>
  );
}

function useCopy(job: Job, kind: "annotated" | "blurred"): RenditionRequest {
  const copy = useMemo(() => new RenditionRequest(`/api/v1/jobs/${job.id}/renditions/${kind}`), [job.id, kind]);
  useEffect(() => () => copy.close(), [copy]);
  return copy;
}

interface CopyProps {
  title: string;
  /** As in "Create the video with boxes". */
  of: string;
  download: string;
  copy: RenditionRequest;
  /** Why it cannot be made, or empty. */
  missing: string;
  onAsk(): Promise<void>;
  /** What can be chosen, and what is told of it, while it is not being made. */
  children: ComponentChildren;
}

function Copy({ title, of, download, copy, missing, onAsk, children }: CopyProps) {
  const made = copy.state.value;
  const busy = made?.state === "queued" || made?.state === "running";
  const problem = made?.state === "failed" ? made.error?.detail : copy.problem.value;
  const deed = made?.state === "ready" ? "Create again" : problem ? "Try again" : "Create";
  return (
    <div class="annotated">
      <h3>{title}</h3>
      {made?.state === "ready" && (
        <p>
          <a class="button primary" href={`${made.links.content}?download=1`} download>
            {download}
          </a>{" "}
          <span class="soft">{made.size_bytes === null ? "" : bytes(made.size_bytes)}</span>
        </p>
      )}
      {busy && (
        <>
          <p role="status">
            {made.state === "queued" ? "Queued" : `Rendering: ${many(made.progress.frames_done, "frame")} done`}
          </p>
          <Progress value={made.progress.fraction} label={`Creating ${of}`} />
        </>
      )}
      {problem && <p role="alert">The video could not be created: {problem}</p>}
      {!busy && !missing && children}
      {!busy && (
        <Button disabled={missing !== ""} onClick={onAsk} aria-label={`${deed}: ${of}`}>
          {deed}
        </Button>
      )}
      {missing && <p class="soft">{missing}</p>}
    </div>
  );
}
