// The tracks of a job, with pictures: a click shows one in the player.
import type { ReadonlySignal } from "@preact/signals";
import { useEffect, useMemo, useState } from "preact/hooks";
import { api } from "../api/client.ts";
import { explain } from "../api/errors.ts";
import type { Track } from "../api/track-types.ts";
import { ENDED, type TracksState } from "../api/types.ts";
import { count } from "../lib/format.ts";
import { colourOfTrack } from "../lib/palette.ts";
import type { Player } from "../player/playback/player.ts";
import { Still } from "../stills/still.tsx";
import { Button } from "../ui/button.tsx";
import { Progress } from "../ui/progress.tsx";
import { toast } from "../ui/toast.tsx";
import { TrackSource } from "./track-source.ts";
import { framesIn, LENGTHS, trackFacts, trackName } from "./track-text.ts";
import "./tracks.css";

interface Props {
  player: Player;
  labels: ReadonlySignal<string[]>;
  onSeek: (ms: number) => void;
  /** Load the job again. */
  onChanged: () => Promise<void>;
}

export function TracksPanel({ player, labels, onSeek, onChanged }: Props) {
  const { tracks, state, id } = player.job.value;
  useProgress(tracks?.state === "queued", onChanged);
  if (!ENDED.has(state)) return null;
  return (
    <section class="card tracks" aria-labelledby="tracks-title">
      <h2 id="tracks-title">Tracks{tracks?.tracks ? ` (${count(tracks.tracks)})` : ""}</h2>
      {tracks && <State tracks={tracks} />}
      {tracks?.state !== "queued" && tracks?.tracks == null && <Make job={id} onChanged={onChanged} />}
      {tracks && tracks.tracks !== null && (
        <List player={player} labels={labels.value} onSeek={onSeek} key={JSON.stringify(tracks)} />
      )}
    </section>
  );
}

/** Asks for tracks where there are none. */
function Make({ job, onChanged }: { job: string; onChanged: () => Promise<void> }) {
  const [busy, setBusy] = useState(false);
  const make = async () => {
    setBusy(true);
    try {
      await api.post(`/api/v1/jobs/${job}/tracks`, {});
      await onChanged();
    } catch (error) {
      toast(explain(error), "bad");
    }
    setBusy(false);
  };
  return (
    <>
      <p class="soft">Tracks follow each object from frame to frame.</p>
      <Button busy={busy} onClick={make}>
        Make tracks
      </Button>
    </>
  );
}

const POLL_MS = 2000;

/** Load the job again and again while its tracks are being made. */
function useProgress(making: boolean, onChanged: () => Promise<void>): void {
  useEffect(() => {
    if (!making) return;
    const timer = setInterval(() => void onChanged(), POLL_MS);
    return () => clearInterval(timer);
  }, [making, onChanged]);
}

function State({ tracks: { state, error } }: { tracks: TracksState }) {
  if (state === "queued")
    return (
      <>
        <p role="status">Objects are being followed from frame to frame…</p>
        <Progress value={null} label="Making tracks" />
      </>
    );
  if (state === "failed")
    return (
      <p class="error-text" role="alert">
        The tracks could not be made: {error?.detail ?? "no reason was given"}
      </p>
    );
  return null;
}

function List({ player, labels, onSeek }: { player: Player; labels: string[]; onSeek: (ms: number) => void }) {
  const source = useMemo(() => new TrackSource(player.job.peek().id), [player]);
  const [label, setLabel] = useState("");
  const [seconds, setSeconds] = useState(0);
  const { frameMs, gapMs } = player.rhythm;
  const ask = () => void source.ask({ label: label || null, minFrames: framesIn(seconds, gapMs ?? frameMs) });
  useEffect(ask, [source, label, seconds]);
  useEffect(
    () => () => {
      source.close();
      player.chosen.value = null;
    },
    [source],
  );
  const choose = (track: Track) => {
    const again = player.chosen.value?.id === track.id;
    player.choose(again ? null : track);
    if (!again) onSeek(track.from_ms);
  };
  const tracks = source.tracks.value;
  const problem = source.problem.value;
  return (
    <>
      <div class="track-filter">
        <label>
          <span>Label</span>
          <select value={label} onChange={(event) => setLabel(event.currentTarget.value)}>
            <option value="">All labels</option>
            {labels.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label>
          <span>Length</span>
          <select value={String(seconds)} onChange={(event) => setSeconds(Number(event.currentTarget.value))}>
            {LENGTHS.map((length) => (
              <option key={length} value={String(length)}>
                {length ? `at least ${length} s` : "any"}
              </option>
            ))}
          </select>
        </label>
      </div>
      {problem && (
        <div class="row" role="alert">
          <p class="error-text">The tracks could not be loaded: {problem}</p>
          <Button onClick={tracks?.length ? () => void source.showMore() : ask}>Try again</Button>
        </div>
      )}
      {!tracks && !problem && <p role="status">Loading the tracks…</p>}
      {tracks && !tracks.length && <p class="soft">{noneText(label, seconds)}</p>}
      <ul class="track-wall" aria-label="Tracks" aria-busy={source.loading.value}>
        {tracks?.map((track) => (
          <li key={track.id}>
            <Row track={track} player={player} onChoose={choose} />
          </li>
        ))}
      </ul>
      {source.more.value && tracks && (
        <Button busy={source.loading.value} onClick={() => void source.showMore()}>
          Show more
        </Button>
      )}
    </>
  );
}

function noneText(label: string, seconds: number): string {
  return label || seconds
    ? "No track matches. Choose another label or a shorter length."
    : "No object was followed: tracks need detections of the same object in several frames.";
}

interface RowProps {
  track: Track;
  player: Player;
  onChoose: (track: Track) => void;
}

function Row({ track, player, onChoose }: RowProps) {
  const chosen = player.chosen.value?.id === track.id;
  return (
    <button type="button" class="track" aria-pressed={chosen} onClick={() => onChoose(track)}>
      <Still
        job={player.job.peek().id}
        track={track.id}
        video={player.video.id}
        at={track.best_ms / 1000}
        box={track.best_box}
      />
      <span class="track-name">
        <span class="swatch" aria-hidden="true" style={{ background: colourOfTrack(track.id) }} />
        {trackName(track)}
      </span>
      <span class="soft">{trackFacts(track)}</span>
    </button>
  );
}
