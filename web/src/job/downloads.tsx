// Exports, the original file, and copies of the video.
import { useState } from "preact/hooks";
import { ENDED, type Job } from "../api/types.ts";
import type { Player } from "../player/playback/player.ts";
import { ContactSheet } from "../stills/contact-sheet.tsx";
import { Button } from "../ui/button.tsx";
import { CurlLine } from "../ui/curl.tsx";
import { Clip } from "./clip.tsx";
import { Annotated, Blurred } from "./copies.tsx";
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
      <Blurred job={job} labels={labels} />
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
