// The summary of detections, and the details of the job.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { api } from "../api/client.ts";
import { explain } from "../api/errors.ts";
import { ENDED, type Job, type Summary, type Video } from "../api/types.ts";
import { bytes, count, percent } from "../lib/format.ts";
import { clock, duration } from "../lib/time-format.ts";
import { Swatch } from "../ui/swatch.tsx";
import { optionWords } from "./option-text.ts";

/** The summary of an ended job; null while loading or running, or why it is not there. */
export function useSummary(job: Job): Summary | string | null {
  const [summary, setSummary] = useState<Summary | string | null>(null);
  const ended = ENDED.has(job.state);
  useEffect(() => {
    if (!ended) return;
    const off = new AbortController();
    api
      .get<Summary>(`/api/v1/jobs/${job.id}/summary`, {}, off.signal)
      .then(setSummary)
      .catch((error) => {
        if (!off.signal.aborted) setSummary(explain(error));
      });
    return () => off.abort();
  }, [job.id, ended]);
  return summary;
}

interface Props {
  job: Job;
  video: Video;
  summary: Summary | string | null;
  places: ReadonlyMap<string, number>;
  onSeek: (ms: number) => void;
}

export function SummaryPanel({ job, video, summary, places, onSeek }: Props) {
  return (
    <section class="card summary" aria-labelledby="summary-title">
      <h2 id="summary-title">Results</h2>
      <Found summary={summary} ended={ENDED.has(job.state)} places={places} onSeek={onSeek} />
      <h3>Details</h3>
      <Facts job={job} video={video} summary={summary} />
    </section>
  );
}

function Found({ summary, ended, places, onSeek }: Omit<Props, "job" | "video"> & { ended: boolean }) {
  if (!ended)
    return <p class="soft">The counts appear when the job has ended. The plot and the boxes are already available.</p>;
  if (summary === null) return <p class="soft">Loading…</p>;
  if (typeof summary === "string") return <p class="soft">The summary is not available: {summary}</p>;
  const labels = Object.entries(summary.labels).sort((a, b) => b[1].detections - a[1].detections);
  if (!labels.length) {
    return <p class="soft">Nothing was detected. A lower minimum confidence or another model may detect more.</p>;
  }
  return (
    <div class="table-scroll">
      <table class="found">
        <thead>
          <tr>
            <th scope="col">Label</th>
            <th scope="col" class="number">
              Detections
            </th>
            <th scope="col" class="number">
              Frames
            </th>
            <th scope="col" class="number">
              Max per frame
            </th>
          </tr>
        </thead>
        <tbody>
          {labels.map(([label, found]) => (
            <tr key={label}>
              <th scope="row">
                <Swatch place={places.get(label)} /> {label}
              </th>
              <td class="number">{count(found.detections)}</td>
              <td class="number">{count(found.frames)}</td>
              <td class="number">
                {count(found.max_in_frame)}{" "}
                <SeekLink ms={found.max_at_ms} onSeek={onSeek} what={`maximum of ${label}`}>
                  at {clock(found.max_at_ms, 1)}
                </SeekLink>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface SeekLinkProps {
  ms: number;
  what: string;
  onSeek: (ms: number) => void;
  children: ComponentChildren;
}

/** A link to a time of the video that can also be copied. */
function SeekLink({ ms, what, onSeek, children }: SeekLinkProps) {
  return (
    <a
      href={`#t=${ms / 1000}`}
      onClick={(event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        onSeek(ms);
      }}
    >
      {children}
      <span class="unseen"> ({what})</span>
    </a>
  );
}

function Facts({ job, video, summary }: Omit<Props, "places" | "onSeek">) {
  const { media } = video;
  const facts: [string, string][] = [];
  if (media) {
    const turned = (media.mirrored ? ", mirrored" : "") + (media.rotation ? `, rotated by ${media.rotation}°` : "");
    const kind = media.variable_fps ? " on average" : media.fps_source === "assumed" ? " (assumed)" : "";
    const rate = `${Number(media.fps.toFixed(2))} frames/s${kind}`;
    facts.push(["Video", `${media.width} × ${media.height}${turned}, ${rate}, ${media.codec}`]);
    facts.push(["Length", `${clock(media.duration_ms, 1)}, ${count(media.frames)} frames, ${bytes(video.size_bytes)}`]);
  }
  if (summary && typeof summary !== "string") {
    facts.push(["Processed", `${count(summary.frames)} frames`]);
    const { frames } = summary;
    const inferred = summary.frames_inferred ?? frames;
    if (inferred < frames)
      facts.push(["Detected in", `${percent(inferred / frames)} of the frames, the rest filled in`]);
    facts.push(["Processing time", duration(summary.seconds)]);
    if (summary.seconds > 0) {
      const speed = `${Math.round(summary.frames / summary.seconds)} frames/s`;
      facts.push(["Speed", `${speed}, ${summary.ms_per_frame.toFixed(1)} ms detector time per frame`]);
    }
    const cpu = summary.detector_cpu_seconds;
    if (cpu !== null) facts.push(["CPU time of detectors", duration(cpu)]);
  }
  facts.push(["Model", job.model], ...optionWords(job.options));
  facts.push(["Created", new Date(job.created_at).toLocaleString()]);
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name + value}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
