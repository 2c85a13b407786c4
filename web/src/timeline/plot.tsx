// The plot of objects per label over time, drawn by uPlot, with our overlays.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Series } from "../api/types.ts";
import { colourOf } from "../lib/palette.ts";
import { clock } from "../lib/time-format.ts";
import { columns, type View } from "./series-view.ts";

interface Props {
  series: Series | null;
  labels: string[];
  view: View;
  places: ReadonlyMap<string, number>;
  /** Called after each drawing with the plotted area within the element, in CSS pixels. */
  onArea: (left: number, width: number) => void;
  onHover: (ms: number | null) => void;
  description: string;
  /** A time in words, for the axis; that of the video where it is left out. decimals: of a second. */
  timeText?: (ms: number, decimals: number) => string;
}

const HEIGHT = 170;
/** Steps of the time axis in seconds. */
const TIME_STEPS = [
  0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800,
];
/** Labels with the same colour differ in their line style. */
const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3]];

export function Plot({ series, labels, view, places, onArea, onHover, description, timeText = clock }: Props) {
  const element = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const shown = labels.join("\n");
  useEffect(() => {
    const host = element.current as HTMLDivElement;
    const options = settings(host, labels, places, onHover, timeText);
    const made = new uPlot(options, undefined, host);
    plot.current = made;
    const fit = () => {
      made.setSize({ width: Math.max(50, host.clientWidth), height: HEIGHT });
      tellArea(made, onArea);
    };
    const resized = new ResizeObserver(fit);
    resized.observe(host);
    return () => {
      resized.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shown, places]);
  useEffect(() => {
    const made = plot.current;
    if (!made || !series) return;
    made.batch(() => {
      made.setData(columns(series, labels) as uPlot.AlignedData, false);
      made.setScale("x", { min: view.from / 1000, max: view.to / 1000 });
      made.setScale("y", { min: 0, max: top(series, labels) });
    });
    tellArea(made, onArea);
  }, [series, shown, places, view.from, view.to]);
  return <div class="plot" ref={element} role="img" aria-label={description} />;
}

/** Maximum of the vertical axis, above the highest value. */
function top(series: Series, labels: string[]): number {
  return Math.max(2, ...labels.map((label) => Math.max(0, ...(series.labels[label]?.max ?? [])))) * 1.08;
}

function tellArea(plot: uPlot, onArea: Props["onArea"]): void {
  const scale = devicePixelRatio;
  onArea(plot.bbox.left / scale, plot.bbox.width / scale);
}

function settings(
  host: HTMLElement,
  labels: string[],
  places: ReadonlyMap<string, number>,
  onHover: Props["onHover"],
  timeText: NonNullable<Props["timeText"]>,
): uPlot.Options {
  const style = getComputedStyle(host);
  const axis = { stroke: style.color, ticks: { show: false }, font: "12px system-ui, sans-serif" };
  const grid = { stroke: style.outlineColor, width: 1 };
  return {
    width: Math.max(50, host.clientWidth),
    height: HEIGHT,
    padding: [8, 10, 0, 0],
    legend: { show: false },
    cursor: { drag: { x: false, y: false, setScale: false }, y: false, points: { show: false } },
    scales: { x: { time: false, auto: false }, y: { auto: false } },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 28,
        space: 70,
        incrs: TIME_STEPS,
        values: (_plot, splits) => splits.map(tick(splits, timeText)),
      },
      { ...axis, grid, size: 40, space: 28, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] },
    ],
    series: [{}, ...labels.map((label) => line(label, places.get(label) ?? 0))],
    hooks: {
      setCursor: [
        (plot) => {
          const { left } = plot.cursor;
          onHover(left === undefined || left < 0 ? null : plot.posToVal(left, "x") * 1000);
        },
      ],
    },
  };
}

function line(label: string, place: number): uPlot.Series {
  const stepped = uPlot.paths.stepped?.({ align: 1 });
  return {
    label,
    stroke: colourOf(place),
    fill: `${colourOf(place)}26`,
    width: 2,
    dash: DASHES[Math.floor(place / 8) % DASHES.length] as number[],
    points: { show: false },
    ...(stepped ? { paths: stepped } : {}),
  };
}

/** Axis labels have decimals only when steps are shorter than a second. */
function tick(splits: number[], timeText: NonNullable<Props["timeText"]>): (seconds: number) => string {
  const step = splits.length > 1 ? (splits[1] as number) - (splits[0] as number) : 1;
  const decimals = step >= 1 ? 0 : step >= 0.1 ? 1 : step >= 0.01 ? 2 : 3;
  return (seconds) => timeText(Math.round(seconds * 1000), decimals);
}
