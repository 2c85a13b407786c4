// One stream large: its picture with boxes, its last minutes, its recordings.
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { api } from "../api/client.ts";
import { ApiError, explain } from "../api/errors.ts";
import type { Stream } from "../api/stream-types.ts";
import { navigate } from "../lib/router.ts";
import { LiveFeed } from "../live/live-feed.ts";
import { LivePicture } from "../live/live-picture.tsx";
import { PlayerButton } from "../player/controls/player-button.tsx";
import { toggleFullScreen } from "../player/view.tsx";
import { findRecording } from "../recordings/recording-at.ts";
import { recordingLink } from "../recordings/recording-link.ts";
import { RecordingList, useRecordings } from "../recordings/recordings.tsx";
import { Figures } from "../streams/figures.tsx";
import { LiveSeries } from "../streams/live-series.ts";
import { LiveTimeline, loadLastMinutes } from "../streams/live-timeline.tsx";
import { ActionMenu, useStreamActions } from "../streams/stream-actions.tsx";
import { StreamNotice, useTold } from "../streams/stream-notice.tsx";
import { StreamScene, useStreamScene } from "../streams/stream-scene.tsx";
import { followStreams, streams } from "../streams/stream-store.ts";
import { KIND_WORDS } from "../streams/stream-text.ts";
import { Colours } from "../ui/colours.tsx";
import { Failure, Waiting } from "../ui/empty.tsx";
import { Link } from "../ui/link.tsx";
import { toast } from "../ui/toast.tsx";
import "../streams/streams.css";

export function StreamPage({ id }: { id: string }) {
  const [problem, setProblem] = useState<ApiError | null>(null);
  const [alone, setAlone] = useState<Stream | null>(null);
  useEffect(followStreams, []);
  useEffect(() => {
    api
      .get<Stream>(`/api/v1/streams/${id}`)
      .then(setAlone)
      .catch((error) => setProblem(error instanceof ApiError ? error : new ApiError(0, "error", explain(error))));
  }, [id]);
  const stream = streams.value?.find((one) => one.id === id) ?? alone;
  useEffect(() => {
    if (stream) document.title = `${stream.name} · Web-Detector`;
  }, [stream?.name]);
  if (stream) return <View stream={stream} key={stream.id} />;
  if (problem)
    return (
      <>
        <Failure
          title={problem.status === 404 ? "Stream not found" : "The stream could not be loaded"}
          detail={problem.status === 404 ? "It was deleted, or it belongs to another user." : problem.detail}
        />
        <p class="way">
          <Link href="/live">← All streams</Link>
        </p>
      </>
    );
  return <Waiting label="Loading the stream" />;
}

function View({ stream }: { stream: Stream }) {
  const live = useMemo(() => new LiveSeries(), [stream.id, stream.started_at]);
  const feed = useMemo(() => new LiveFeed(stream.id, { onResult: (result) => live.add(result) }), [live]);
  const { help, items, dialog } = useStreamActions(stream, () => navigate("/live"));
  const { state, tone } = useTold(stream, feed);
  const recordings = useRecordings(stream.id);
  useEffect(() => {
    const controller = new AbortController();
    // What cannot be loaded is missing in the timeline only, which goes on growing.
    const take = (result: Parameters<typeof live.add>[0]) => {
      feed.learn(result.detections);
      live.add(result);
    };
    loadLastMinutes(stream, take, controller.signal).catch(() => undefined);
    return () => controller.abort();
  }, [live]);
  const openAt = useCallback(
    (ms: number) => {
      const link = recordingLink(recordings.items, Date.parse(stream.started_at) + ms);
      if (!link) return false;
      location.assign(link);
      return true;
    },
    [recordings.items, stream.started_at],
  );
  useEffect(() => void openMoment(stream.id), [stream.id]);
  const [scene, chooseScene] = useStreamScene(stream.id);
  const stage = useRef<HTMLDivElement>(null);
  const { width, height } = feed.shape();
  return (
    <div class="stream-page">
      <p class="way">
        <Link href="/live">← All streams</Link>
      </p>
      <div class="row between">
        <div class="row">
          <h1 tabIndex={-1}>{stream.name}</h1>
          <span class={`badge ${tone}`}>{state}</span>
          <span class="soft">{[KIND_WORDS[stream.kind], stream.url].filter(Boolean).join(" · ")}</span>
        </div>
        <ActionMenu stream={stream} items={items} />
      </div>
      <div class="stream-grid">
        <div class="screen">
          <div class="stream-stage" ref={stage} style={{ "--shape": `${width / height}` }}>
            <LivePicture
              feed={feed}
              label={`Picture of ${stream.name}`}
              region={stream.options.region ?? null}
              scene={scene}
              on={stream.wanted === "running" && stream.state !== "failed"}
            />
            <StreamNotice stream={stream} feed={feed} onHelp={help} />
            <PlayerButton icon="full" label="Full screen" onClick={() => void toggleFullScreen(stage.current)} />
          </div>
          <LiveTimeline stream={stream} feed={feed} live={live} openAt={openAt} />
        </div>
        <div class="stream-side">
          <section class="card" aria-labelledby="figures-title">
            <h2 id="figures-title">Now</h2>
            <Figures stats={feed.stats.value} />
            <Colours />
          </section>
          <StreamScene stream={stream} feed={feed} scene={scene} onChoose={chooseScene} openAt={openAt} />
          <RecordingList {...recordings} />
        </div>
      </div>
      {dialog}
    </div>
  );
}

/** Addresses with #at=MS, since 1970, lead on to the recording of that moment. */
async function openMoment(stream: string): Promise<void> {
  const [, moment] = /^#at=(\d+)$/.exec(location.hash) ?? [];
  if (!moment) return;
  const link = await findRecording(stream, Number(moment)).catch(() => null);
  const when = new Date(Number(moment)).toLocaleTimeString();
  if (link) navigate(link);
  else toast(`There is no finished recording of ${when}. The stream is shown as it is now.`);
}
