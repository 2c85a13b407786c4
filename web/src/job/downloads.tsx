// Exports, the original file, and the video with boxes.
import { useEffect, useMemo, useState } from "preact/hooks";
import { type RenditionBody, RenditionRequest } from "../api/rendition.ts";
import { ENDED, type Job } from "../api/types.ts";
import { bytes, many } from "../lib/format.ts";
import type { Player } from "../player/playback/player.ts";
import { ContactSheet } from "../stills/contact-sheet.tsx";
import { Button } from "../ui/button.tsx";
import { CurlLine } from "../ui/curl.tsx";
import { Progress } from "../ui/progress.tsx";
import { Clip } from "./clip.tsx";
import formats from "./export-formats.json";
import { exportLink, resultsPath, type Shown } from "./export-links.ts";
import { nameOf } from "./job-text.ts";

interface Props {
  job: Job;
  player: Player;
  labels: readonly string[];
}

export function Downloads({ job, player, labels }: Props) {
  const [filtered, setFiltered] = useState(false);
  const [sheet, setSheet] = useState(false);
  const now = shownNow(job, player, labels);
  const narrowed = now.minScore !== null || now.labels !== null;
  const shown = filtered && narrowed ? now : { job: job.id, minScore: null, labels: null };
  const none = now.labels?.length === 0;
  const ended = ENDED.has(job.state);
  const tracked = typeof job.tracks?.tracks === "number";
  return (
    <section class="card downloads" aria-labelledby="downloads-title">
      <h2 id="downloads-title">Export</h2>
      <label class="tick">
        <input
          type="checkbox"
          checked={filtered && narrowed}
          disabled={!narrowed || none}
          onChange={(event) => setFiltered(event.currentTarget.checked)}
        />
        Only what matches the filter{narrowed ? "" : " (no filter is set)"}
      </label>
      <ul class="formats">
        {formats.map(({ name, title, purpose, needs_tracks }) => (
          <li key={name}>
            {ended && (tracked || !needs_tracks) ? (
              <a class="button" href={exportLink(shown, name)} download>
                {title}
              </a>
            ) : (
              <Button disabled>{title}</Button>
            )}
            <span class="soft">{purpose}</span>
          </li>
        ))}
        <li>
          <a class="button" href={`/api/v1/videos/${job.video_id}/content`} download>
            Video
          </a>
          <span class="soft">the original file</span>
        </li>
        <li>
          <Button onClick={() => setSheet(true)}>Contact sheet</Button>
          <span class="soft">frames of the video side by side</span>
        </li>
      </ul>
      {!ended && (
        <p class="soft">Exports are available when the job has ended; the API already serves the results so far.</p>
      )}
      {ended && !tracked && (
        <p class="soft">
          {formats.flatMap(({ title, needs_tracks }) => (needs_tracks ? [title] : [])).join(", ")} need the tracks of
          the job{job.tracks?.state === "queued" ? ", which are being made" : ""}.
        </p>
      )}
      {sheet && <ContactSheet video={job.video_id} name={nameOf(job)} onClose={() => setSheet(false)} />}
      <Annotated job={job} shown={shown} />
      <Clip player={player} />
      <CurlLine path={resultsPath(none ? { ...now, labels: null } : now)} />
    </section>
  );
}

/** The filters on the screen as parameters of the API. */
function shownNow(job: Job, player: Player, labels: readonly string[]): Shown {
  const hidden = player.hidden.value;
  const left = labels.filter((label) => !hidden.has(label));
  return {
    job: job.id,
    minScore: player.minScore.value > player.leastScore ? player.minScore.value : null,
    labels: left.length === labels.length ? null : left,
  };
}

/** The video with boxes drawn in, rendered on demand. */
function Annotated({ job, shown }: { job: Job; shown: Shown }) {
  const copy = useMemo(() => new RenditionRequest(`/api/v1/jobs/${job.id}/renditions/annotated`), [job.id]);
  useEffect(() => () => copy.close(), [copy]);
  const made = copy.state.value;
  const busy = made?.state === "queued" || made?.state === "running";
  const ended = ENDED.has(job.state);
  const ask = () => {
    const body: RenditionBody = {};
    if (shown.minScore !== null) body.min_score = shown.minScore;
    if (shown.labels) body.labels = [...shown.labels];
    void copy.ask(body);
  };
  const problem = made?.state === "failed" ? made.error?.detail : copy.problem.value;
  return (
    <div class="annotated">
      <h3>Video with boxes</h3>
      {made?.state === "ready" && (
        <p>
          <a class="button primary" href={`${made.links.content}?download=1`} download>
            Download MP4
          </a>{" "}
          <span class="soft">{made.size_bytes === null ? "" : bytes(made.size_bytes)}</span>
        </p>
      )}
      {busy && (
        <>
          <p role="status">
            {made.state === "queued" ? "Queued" : `Rendering: ${many(made.progress.frames_done, "frame")} done`}
          </p>
          <Progress value={made.progress.fraction} label="Creating the video with boxes" />
        </>
      )}
      {problem && <p role="alert">The video could not be created: {problem}</p>}
      {!busy && (
        <Button disabled={!ended} onClick={ask}>
          {made?.state === "ready" ? "Create again" : problem ? "Try again" : "Create"}
        </Button>
      )}
      {!ended && <p class="soft">Available when the job has ended.</p>}
      {ended && !busy && <p class="soft">Contains the detections selected above.</p>}
    </div>
  );
}
