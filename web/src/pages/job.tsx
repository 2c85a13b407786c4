// One job: the video with its boxes, the timeline, the summary, the downloads.
import { type ReadonlySignal, useComputed, useSignal } from "@preact/signals";
import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import { api } from "../api/client.ts";
import { ApiError, explain } from "../api/errors.ts";
import type { Job, List, Model, Summary, Video } from "../api/types.ts";
import { Downloads } from "../job/downloads.tsx";
import { Header } from "../job/header.tsx";
import { nameOf, noLabels } from "../job/job-text.ts";
import { LiveJob } from "../job/live-job.ts";
import { SummaryPanel, useSummary } from "../job/summary.tsx";
import { Filters, type LabelRow } from "../player/controls/filters.tsx";
import { Player } from "../player/playback/player.ts";
import { PlayerView } from "../player/view.tsx";
import { ScenePanel } from "../scenes/scene-panel.tsx";
import { Appearances } from "../timeline/appearances.tsx";
import { Timeline } from "../timeline/timeline.tsx";
import { TracksPanel } from "../tracks/track-list.tsx";
import { findTrack } from "../tracks/track-source.ts";
import { Failure } from "../ui/empty.tsx";
import { Link } from "../ui/link.tsx";
import "../job/job.css";
import "../job/panels.css";

export function JobPage({ id }: { id: string }) {
  const live = useMemo(() => new LiveJob(id), [id]);
  useEffect(() => () => live.close(), [live]);
  const [facts, setFacts] = useState<Facts | ApiError | null>(null);
  const job = live.job.value;
  const problem = live.problem.value;
  const video = job?.video_id;
  useEffect(() => {
    if (video) void loadFacts(video).then(setFacts);
  }, [video]);
  const title = job ? `${nameOf(job)} · Web-Detector` : null;
  useEffect(() => {
    if (title) document.title = title;
  }, [title]);
  const failure = facts instanceof ApiError ? facts : problem;
  if (failure) return <Missing problem={failure} onAgain={() => location.reload()} />;
  if (!job || !facts || facts instanceof ApiError) return <Loading />;
  return (
    <main class="job-page">
      <Header job={job} onJob={(next) => live.take(next)} />
      <View job={live.job as ReadonlySignal<Job>} facts={facts} onChanged={live.look} />
    </main>
  );
}

interface Facts {
  video: Video;
  models: Model[];
}

async function loadFacts(video: string): Promise<Facts | ApiError> {
  try {
    const [about, models] = await Promise.all([
      api.get<Video>(`/api/v1/videos/${video}`),
      api.get<List<Model>>("/api/v1/models"),
    ]);
    return { video: about, models: models.items };
  } catch (error) {
    return error instanceof ApiError ? error : new ApiError(0, "error", explain(error));
  }
}

interface ViewProps {
  job: ReadonlySignal<Job>;
  facts: Facts;
  /** Load the job again. */
  onChanged: () => Promise<void>;
}

function View({ job, facts, onChanged }: ViewProps) {
  const player = useMemo(() => new Player(job, facts.video), [job, facts]);
  const appearances = useMemo(() => new Appearances(player), [player]);
  const found = useSignal<string[]>([]);
  const summary = useSummary(job.value);
  const classes = facts.models.find((model) => model.id === job.value.model)?.labels ?? [];
  const classOf = useCallback((label: string) => Math.max(0, classes.indexOf(label)), [classes]);
  const counted = useSignal(summary);
  counted.value = summary;
  const labels = useComputed<LabelRow[]>(() => labelRows(found.value, countsOf(counted.value), player.places.value));
  const names = useComputed(() => labels.value.map((row) => row.label));
  useEffect(() => {
    const first = labels.value[0];
    if (appearances.label.peek() === null && first) appearances.label.value = first.label;
  }, [labels.value]);
  useEffect(() => {
    seekToAddress(player);
    const changed = () => seekToAddress(player);
    addEventListener("hashchange", changed);
    return () => {
      removeEventListener("hashchange", changed);
      player.close();
    };
  }, [player]);
  const onAppearance = useCallback((direction: "next" | "previous") => void appearances.go(direction), [appearances]);
  const seekFrom = (ms: number) => {
    player.pause();
    player.seek(ms + player.rhythm.frameMs / 2);
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    document.querySelector(".player")?.scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });
  };
  return (
    <div class="job-grid">
      <div class="screen">
        <PlayerView player={player} onAppearance={onAppearance} />
        <Timeline player={player} appearances={appearances} classOf={classOf} found={found} />
        <ScenePanel player={player} onSeek={seekFrom} />
        <TracksPanel player={player} labels={names} onSeek={seekFrom} onChanged={onChanged} />
      </div>
      <Filters player={player} labels={labels} nothing={noLabels(summary)} />
      <SummaryPanel
        job={job.value}
        video={facts.video}
        summary={summary}
        places={player.places.value}
        onSeek={seekFrom}
      />
      <Downloads job={job.value} player={player} labels={names.value} />
    </div>
  );
}

function countsOf(summary: Summary | string | null): Summary["labels"] | null {
  return typeof summary === "string" ? null : (summary?.labels ?? null);
}

/** The labels of the summary, or those seen so far while there is none. */
function labelRows(
  found: readonly string[],
  counts: Record<string, { detections: number }> | null,
  places: ReadonlyMap<string, number>,
): LabelRow[] {
  const names = counts
    ? Object.keys(counts).sort((a, b) => (counts[b]?.detections ?? 0) - (counts[a]?.detections ?? 0))
    : found;
  return names.map((label) => ({ label, place: places.get(label), objects: counts?.[label]?.detections ?? null }));
}

/** URLs with #t=12.5 seek to that second; with #t=12.5&track=7 that track stands out. */
function seekToAddress(player: Player): void {
  const [, seconds, track] = /^#t=(\d+(?:\.\d+)?)(?:&track=(\d+))?$/.exec(location.hash) ?? [];
  if (!seconds) return;
  player.seek(Number(seconds) * 1000 + player.rhythm.frameMs / 2);
  if (track)
    void findTrack(player.job.peek().id, Number(track), Number(seconds) * 1000).then((found) => player.choose(found));
}

function Loading() {
  return (
    <main class="job-page" aria-busy="true">
      <p class="unseen" role="status">
        Loading the job
      </p>
      <div class="skeleton title" />
      <div class="skeleton picture" />
    </main>
  );
}

function Missing({ problem, onAgain }: { problem: ApiError; onAgain: () => void }) {
  const gone = problem.status === 404;
  return (
    <main class="job-page">
      {gone ? (
        <Failure title="Job not found" detail="It was deleted, or it belongs to another user." />
      ) : (
        <Failure title="The job could not be loaded" detail={problem.detail} onRetry={onAgain} />
      )}
      <p class="way">
        <Link href="/">← All videos</Link>
      </p>
    </main>
  );
}
