// The timeline: strip of the whole video, plot of a part, zooming and panning.
import { type Signal, useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ENDED, type Series } from "../api/types.ts";
import { clock } from "../lib/time-format.ts";
import { PlayerButton } from "../player/controls/player-button.tsx";
import type { Player } from "../player/playback/player.ts";
import { AppearanceBar, type Appearances } from "./appearances.tsx";
import { Heat } from "./heat.tsx";
import { Plot } from "./plot.tsx";
import { SeriesSource } from "./series.ts";
import { SeriesTable } from "./series-table.tsx";
import {
  appearing,
  described,
  following,
  isWhole,
  panned,
  plotted,
  type View,
  valuesAt,
  zoomed,
} from "./series-view.ts";
import { Surface } from "./surface.tsx";
import "./timeline.css";

interface Props {
  player: Player;
  appearances: Appearances;
  /** Class id of a label. */
  classOf: (label: string) => number;
  /** Receives the labels found so far. */
  found: Signal<string[]>;
}

const MOST_LINES = 12;
const STRIP_BUCKETS = 1000;

export function Timeline({ player, appearances, classOf, found }: Props) {
  const whole = useComputed<View>(() => ({ from: player.start.value, to: player.end.value }));
  const zoom = useSignal<View | null>(null);
  const hover = useSignal<number | null>(null);
  const area = useSignal({ left: 40, width: 0 });
  const [strip, detail] = useSources(player, zoom, area, found, classOf);
  const view = zoom.value ?? whole.value;
  const series = finest(strip, detail, zoom.value);
  const labels = useMemo(
    () => (series ? plotted(series, player.hidden.value).slice(0, MOST_LINES) : []),
    [series, player.hidden.value],
  );
  useSignalEffect(() => {
    const ms = player.time.value;
    const now = zoom.peek();
    if (now && player.playing.peek()) zoom.value = following(now, ms, whole.peek());
  });
  const change = (next: View) => {
    zoom.value = isWhole(next, whole.peek()) ? null : next;
  };
  const onArea = useCallback((left: number, width: number) => {
    if (left !== area.peek().left || width !== area.peek().width) area.value = { left, width };
  }, []);
  const onHover = useCallback((ms: number | null) => {
    hover.value = ms;
  }, []);
  const problem = strip.problem.value ?? (zoom.value && detail.problem.value);
  const zoomBy = (factor: number) => change(zoomed(view, factor, player.time.peek(), whole.peek()));
  return (
    <section class="timeline" aria-labelledby="timeline-title">
      <header>
        <h2 id="timeline-title">Timeline</h2>
        <AppearanceBar appearances={appearances} labels={found.value} />
        <span class="space" />
        <div class="zoom">
          <PlayerButton
            icon="before"
            label="Earlier"
            disabled={!zoom.value}
            onClick={() => change(panned(view, -(view.to - view.from) / 2, whole.value))}
          />
          <PlayerButton
            icon="after"
            label="Later"
            disabled={!zoom.value}
            onClick={() => change(panned(view, (view.to - view.from) / 2, whole.value))}
          />
          <PlayerButton icon="closer" label="Zoom in" onClick={() => zoomBy(0.4)} />
          <PlayerButton icon="farther" label="Zoom out" disabled={!zoom.value} onClick={() => zoomBy(2.5)} />
          <button type="button" class="button" disabled={!zoom.value} onClick={() => change(whole.value)}>
            Whole video
          </button>
        </div>
      </header>
      <Surface player={player} view={whole.value} area={area} whole={whole.value} name="strip">
        <Heat series={strip.series.value} whole={whole.value} view={view} />
      </Surface>
      <Readout player={player} series={series} loading={strip.loading.value} labels={labels} hover={hover} />
      <Surface player={player} view={view} area={area} whole={whole.value} name="detail" onView={change}>
        <Plot
          series={series}
          labels={labels}
          view={view}
          places={player.places.value}
          onArea={onArea}
          onHover={onHover}
          description={series ? described(series, labels, (ms) => clock(ms, 1)) : "Loading the plot"}
        />
      </Surface>
      {problem && (
        <p class="problem" role="alert">
          The plot could not be loaded: {problem}
        </p>
      )}
      {series && <TableToggle series={series} labels={labels} player={player} />}
    </section>
  );
}

function TableToggle({
  series,
  labels,
  player,
}: {
  series: NonNullable<SeriesSource["series"]["value"]>;
  labels: string[];
  player: Player;
}) {
  const [open, setOpen] = useState(false);
  return (
    <details class="as-table" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Show as table</summary>
      {open && <SeriesTable series={series} labels={labels} onSeek={(ms) => player.seek(ms)} />}
    </details>
  );
}

/** The series to plot: that of the visible part, or of the whole video until it is loaded. */
function finest(strip: SeriesSource, detail: SeriesSource, zoom: View | null): Series | null {
  const [coarse, fine] = [strip.series.value, detail.series.value];
  const { from, to } = detail.answered ?? {};
  return zoom && fine && from === zoom.from && to === zoom.to ? fine : coarse;
}

/** The values under the pointer, else under the playhead. */
function Readout({
  player,
  series,
  loading,
  labels,
  hover,
}: {
  player: Player;
  series: Series | null;
  loading: boolean;
  labels: string[];
  hover: Signal<number | null>;
}) {
  const line = useRef<HTMLParagraphElement>(null);
  const tell = () => {
    const ms = hover.value ?? player.time.value;
    if (!line.current) return;
    const values = series ? valuesAt(series, labels, ms).map(({ label, most }) => `${label} ${most}`) : [];
    line.current.textContent = `${clock(ms, 1)}  ${values.join("  ·  ") || (loading && !series ? "loading…" : "no detections")}`;
  };
  useSignalEffect(tell);
  useEffect(tell);
  return <p class="readout" ref={line} aria-hidden="true" />;
}

/** The series of the whole video and of the visible part; both follow a running job. */
function useSources(
  player: Player,
  zoom: Signal<View | null>,
  area: Signal<{ left: number; width: number }>,
  found: Signal<string[]>,
  classOf: (label: string) => number,
): [SeriesSource, SeriesSource] {
  const id = player.job.peek().id;
  const sources = useMemo<[SeriesSource, SeriesSource]>(() => [new SeriesSource(id), new SeriesSource(id)], [id]);
  const [strip, detail] = sources;
  const seen = useRef("");
  useSignalEffect(() => {
    const { state, progress } = player.job.value;
    const least = player.minScore.value > player.leastScore ? player.minScore.value : null;
    const now = `${ENDED.has(state)} ${ENDED.has(state) ? "" : Math.floor(progress.frames_done)}`;
    const again = now !== seen.current;
    seen.current = now;
    const view = zoom.value;
    strip.want({ from: null, to: null, buckets: STRIP_BUCKETS, minScore: least }, again);
    if (!view) return;
    // Two pixels per bucket; finer buckets are not visible.
    const buckets = Math.min(4000, Math.max(100, Math.round((area.value.width || 800) / 100) * 50));
    detail.want({ from: view.from, to: view.to, buckets, minScore: least }, again);
  });
  useSignalEffect(() => {
    const series = strip.series.value;
    if (!series) return;
    player.frontier.value = ENDED.has(player.job.value.state) ? null : series.frontier_ms;
    // With a higher score some labels are missing or appear later.
    if (player.minScore.peek() <= player.leastScore) {
      const order = appearing(series, classOf);
      if (order.length !== player.places.peek().size) {
        player.places.value = new Map(order.map((label, place) => [label, place]));
      }
    }
    const labels = plotted(series, new Set());
    if (labels.join("\n") !== found.peek().join("\n")) found.value = labels;
  });
  useEffect(
    () => () => {
      strip.close();
      detail.close();
    },
    sources,
  );
  return sources;
}
