// What tracks did at the zones and lines of a scene: counts over time, and the list of events.
import { useSignal } from "@preact/signals";
import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import { api } from "../api/client.ts";
import { explain } from "../api/errors.ts";
import type { EventPage, Scene, SceneCounts, SceneEvent } from "../api/track-types.ts";
import { count } from "../lib/format.ts";
import { clock } from "../lib/time-format.ts";
import type { Player } from "../player/playback/player.ts";
import { Plot } from "../timeline/plot.tsx";
import { described } from "../timeline/series-view.ts";
import { Surface } from "../timeline/surface.tsx";
import { findTrack } from "../tracks/track-source.ts";
import { Button } from "../ui/button.tsx";
import { useTyped } from "../ui/fields.tsx";
import { Swatch } from "../ui/swatch.tsx";
import { eventText, intervalFor, plotSeries, seriesName, TYPES } from "./event-text.ts";

interface Props {
  player: Player;
  scene: Scene;
  onSeek: (ms: number) => void;
}

const MOST_LINES = 12;
const PAGE = 50;

export function SceneEvents({ player, scene, onSeek }: Props) {
  const [dwell, setDwell] = useState(0);
  const path = `/api/v1/jobs/${player.job.peek().id}/scenes/${scene.id}`;
  const filter = { dwell: dwell || null };
  const typed = useTyped(dwell ? String(dwell) : "", (input) => setDwell(input.valueAsNumber || 0));
  return (
    <>
      <label class="row">
        <span>Report who stays in a zone for at least</span>
        <input class="dwell" type="number" min="0" step="any" placeholder="–" {...typed} />
        <span>seconds</span>
      </label>
      <Counts path={`${path}/counts`} filter={filter} player={player} />
      <Events path={`${path}/events`} filter={filter} player={player} onSeek={onSeek} />
    </>
  );
}

interface Filter {
  dwell: number | null;
}

function Counts({ path, filter, player }: { path: string; filter: Filter; player: Player }) {
  const [counts, setCounts] = useState<SceneCounts | null>(null);
  const [problem, setProblem] = useState("");
  const seconds = (player.end.value - player.start.value) / 1000;
  useEffect(() => {
    const off = new AbortController();
    const query = { ...filter, interval: intervalFor(seconds) };
    api.get<SceneCounts>(path, query, off.signal).then(
      (found) => {
        setCounts(found);
        setProblem("");
      },
      (error) => off.signal.aborted || setProblem(explain(error)),
    );
    return () => off.abort();
  }, [path, filter.dwell, seconds]);
  if (problem)
    return (
      <p class="error-text" role="alert">
        The counts could not be loaded: {problem}
      </p>
    );
  if (!counts) return <p role="status">Counting…</p>;
  if (!counts.series.length) return <p class="soft">No object entered, left or crossed anything here.</p>;
  return <CountPlot counts={counts} player={player} />;
}

function CountPlot({ counts, player }: { counts: SceneCounts; player: Player }) {
  const area = useSignal({ left: 40, width: 0 });
  const rows = useMemo(() => [...counts.series].sort((a, b) => b.total - a.total), [counts]);
  const series = useMemo(() => plotSeries(counts), [counts]);
  const labels = useMemo(() => rows.slice(0, MOST_LINES).map(seriesName), [rows]);
  const places = useMemo(() => new Map(labels.map((label, place) => [label, place])), [labels]);
  const onArea = useCallback((left: number, width: number) => {
    if (left !== area.peek().left || width !== area.peek().width) area.value = { left, width };
  }, []);
  const view = { from: player.start.value, to: player.end.value };
  return (
    <>
      <div class="count-plot">
        <Surface player={player} view={view} whole={view} area={area} name="detail">
          <Plot
            series={series}
            labels={labels}
            view={view}
            places={places}
            onArea={onArea}
            onHover={() => undefined}
            description={described(series, labels, (ms) => clock(ms, 1))}
          />
        </Surface>
      </div>
      <div class="table-scroll">
        <table class="found">
          <thead>
            <tr>
              <th scope="col">Event</th>
              <th scope="col" class="number">
                Count
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row, place) => (
              <tr key={seriesName(row)}>
                <th scope="row">
                  {place < MOST_LINES && <Swatch place={place} />} {seriesName(row)}
                </th>
                <td class="number">{count(row.total)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

interface EventsProps {
  path: string;
  filter: Filter;
  player: Player;
  onSeek: (ms: number) => void;
}

function Events({ path, filter, player, onSeek }: EventsProps) {
  const [type, setType] = useState("");
  const [events, setEvents] = useState<SceneEvent[]>([]);
  const [next, setNext] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const load = async (before: SceneEvent[], cursor: string | null, signal?: AbortSignal) => {
    setBusy(true);
    setProblem("");
    try {
      const query = { ...filter, type: type || null, limit: PAGE, cursor };
      const page = await api.get<EventPage>(path, query, signal);
      setEvents([...before, ...page.events]);
      setNext(page.next_cursor);
    } catch (error) {
      if (!signal?.aborted) setProblem(explain(error));
    }
    if (!signal?.aborted) setBusy(false);
  };
  useEffect(() => {
    const off = new AbortController();
    setEvents([]);
    void load([], null, off.signal);
    return () => off.abort();
  }, [path, filter.dwell, type]);
  const show = (event: SceneEvent) => {
    onSeek(event.time_ms);
    void findTrack(player.job.peek().id, event.track, event.time_ms).then((track) => player.choose(track));
  };
  return (
    <>
      <div class="row">
        <h3>Events</h3>
        <label class="row">
          <span class="unseen">Kind of event</span>
          <select class="kind" value={type} onChange={(event) => setType(event.currentTarget.value)}>
            <option value="">all</option>
            {TYPES.map(([name, words]) => (
              <option key={name} value={name}>
                {words}
              </option>
            ))}
          </select>
        </label>
      </div>
      {problem && (
        <p class="error-text" role="alert">
          The events could not be loaded: {problem}
        </p>
      )}
      {!events.length && !problem && <p class="soft">{busy ? "Loading…" : "No events."}</p>}
      <ul class="events" aria-label="Events" aria-busy={busy}>
        {events.map((event, index) => (
          <li key={`${index} ${event.frame}`}>
            <button type="button" class="text-button" onClick={() => show(event)}>
              {clock(event.time_ms, 1)}
            </button>{" "}
            {eventText(event)}
          </li>
        ))}
      </ul>
      {next && (
        <Button busy={busy} onClick={() => void load(events, next)}>
          Show more
        </Button>
      )}
    </>
  );
}
