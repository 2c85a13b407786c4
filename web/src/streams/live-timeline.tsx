// The last minutes of a stream, growing: a strip, and the detections per label.
import { useSignal, useSignalEffect } from "@preact/signals";
import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import { api } from "../api/client.ts";
import type { LiveResult, Stream } from "../api/stream-types.ts";
import type { LiveFeed } from "../live/live-feed.ts";
import { Heat } from "../timeline/heat.tsx";
import { Plot } from "../timeline/plot.tsx";
import { described, plotted, valuesAt } from "../timeline/series-view.ts";
import { Surface } from "../timeline/surface.tsx";
import { toast } from "../ui/toast.tsx";
import type { LiveSeries } from "./live-series.ts";
import "../timeline/timeline.css";

export const SPAN_MS = 5 * 60_000;
const REDRAW_MS = 1000;
const PAGE = 1000;
const MOST_PAGES = 20;
const MOST_LINES = 12;

interface Props {
  stream: Stream;
  feed: LiveFeed;
  live: LiveSeries;
  /** Opens the recording of a time, if there is one. */
  openAt(ms: number): boolean;
}

export function LiveTimeline({ stream, feed, live, openAt }: Props) {
  const [series, setSeries] = useState(() => live.series(SPAN_MS));
  const area = useSignal({ left: 40, width: 0 });
  const hover = useSignal<number | null>(null);
  const time = useSignal(0);
  useEffect(() => {
    const timer = setInterval(() => document.hidden || setSeries(live.series(SPAN_MS)), REDRAW_MS);
    return () => clearInterval(timer);
  }, [live]);
  useSignalEffect(() => {
    feed.revision.value;
    time.value = feed.shownMs >= 0 ? feed.shownMs : live.newestMs;
  });
  const playhead = useMemo(
    () => ({
      time,
      seek: (ms: number) => {
        if (!openAt(ms)) toast("There is no finished recording of that moment yet.");
      },
    }),
    [openAt],
  );
  const onArea = useCallback((left: number, width: number) => {
    if (left !== area.peek().left || width !== area.peek().width) area.value = { left, width };
  }, []);
  const begun = Date.parse(stream.started_at);
  const text = useCallback((ms: number) => new Date(begun + ms).toLocaleTimeString(), [begun]);
  const view = { from: Math.max(0, series.to_ms - SPAN_MS), to: Math.max(series.to_ms, SPAN_MS) };
  const labels = plotted(series, new Set()).slice(0, MOST_LINES);
  const at = hover.value ?? series.to_ms - 1;
  const values = valuesAt(series, labels, at).map(({ label, most }) => `${label} ${most}`);
  return (
    <section class="timeline" aria-labelledby="timeline-title">
      <header>
        <h2 id="timeline-title">Last minutes</h2>
      </header>
      <Surface player={playhead} view={view} whole={view} area={area} name="strip">
        <Heat series={series} whole={view} view={view} />
      </Surface>
      <p class="readout" aria-hidden="true">
        {text(at)} {values.join("  ·  ") || "no detections"}
      </p>
      <Surface player={playhead} view={view} whole={view} area={area} name="detail">
        <Plot
          series={series}
          labels={labels}
          view={view}
          places={feed.places}
          onArea={onArea}
          onHover={(ms) => {
            hover.value = ms;
          }}
          description={described(series, labels, text)}
          timeText={text}
        />
      </Surface>
    </section>
  );
}

/** Give the results of the last minutes that are known already. Stops when the signal aborts. Throws ApiError. */
export async function loadLastMinutes(
  stream: Stream,
  take: (result: Pick<LiveResult, "frame" | "time_ms" | "detections">) => void,
  signal: AbortSignal,
): Promise<void> {
  const from_ms = Math.max(0, Math.floor(Date.now() - Date.parse(stream.started_at) - SPAN_MS));
  let cursor: string | null = null;
  for (let page = 0; page < MOST_PAGES && !signal.aborted; page += 1) {
    const answer: { frames: LiveResult[]; next_cursor: string | null } = await api.get(
      `/api/v1/streams/${stream.id}/results`,
      { from_ms, limit: PAGE, cursor },
      signal,
    );
    for (const frame of answer.frames) take(frame);
    cursor = answer.next_cursor;
    if (!cursor || !answer.frames.length) return;
  }
}
