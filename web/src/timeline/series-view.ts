// Visible part of the timeline, and the data that it shows. Pure; times in milliseconds of the video.
import type { Series } from "../api/types.ts";

export interface View {
  from: number;
  to: number;
}

/** Minimum width of the view (ms). */
const CLOSEST_MS = 400;

/** Scale the width of the view by `factor` around `at`, within the whole. */
export function zoomed(view: View, factor: number, at: number, whole: View): View {
  const width = Math.min(whole.to - whole.from, Math.max(CLOSEST_MS, (view.to - view.from) * factor));
  const share = (at - view.from) / Math.max(1, view.to - view.from);
  return within({ from: at - share * width, to: at + (1 - share) * width }, whole);
}

/** Move the view by these ms, within the whole. */
export function panned(view: View, ms: number, whole: View): View {
  return within({ from: view.from + ms, to: view.to + ms }, whole);
}

/** Page the view forward when the playhead leaves it. */
export function following(view: View, ms: number, whole: View): View {
  if (ms >= view.from && ms < view.to) return view;
  const width = view.to - view.from;
  return within({ from: ms - width * 0.05, to: ms + width * 0.95 }, whole);
}

/** The view between two dragged times, with the minimum width. */
export function selected(a: number, b: number, whole: View): View {
  const view = { from: Math.min(a, b), to: Math.max(a, b) };
  return zoomed(view, 1, (view.from + view.to) / 2, whole);
}

export function isWhole(view: View, whole: View): boolean {
  return view.to - view.from >= (whole.to - whole.from) * 0.999;
}

function within(view: View, whole: View): View {
  const width = Math.min(view.to - view.from, whole.to - whole.from);
  const from = Math.min(Math.max(view.from, whole.from), whole.to - width);
  return { from, to: from + width };
}

/** Activity of each bucket, 0 to 1; -1 where no frame was processed. */
export function heat(series: Series): number[] {
  const most = Math.max(1, ...series.any);
  return series.frames.map((frames, index) => {
    const any = series.any[index] ?? 0;
    if (!frames && !any) return -1;
    return Math.min(1, any / (most > 1 ? Math.max(1, frames) : 1));
  });
}

/** The visible labels of a series, by their maximum per frame. */
export function plotted(series: Series, hidden: ReadonlySet<string>): string[] {
  const peak = new Map(Object.entries(series.labels).map(([label, { max }]) => [label, Math.max(0, ...max)]));
  return [...peak.keys()]
    .filter((label) => !hidden.has(label) && (peak.get(label) as number) > 0)
    .sort((a, b) => (peak.get(b) as number) - (peak.get(a) as number) || (a < b ? -1 : 1));
}

/** The labels in order of first appearance, within a frame by class id; this order sets their colours. */
export function appearing(series: Series, classOf: (label: string) => number): string[] {
  const first = (label: string) => series.labels[label]?.first_frame ?? 0;
  return Object.keys(series.labels).sort((a, b) => first(a) - first(b) || classOf(a) - classOf(b));
}

/** Columns for the plot: start of each bucket in seconds, then the maximum per frame of each label. Buckets without
 * frames between others are gaps of the sampling and repeat the previous value; at the end they stay empty. */
export function columns(series: Series, labels: readonly string[]): (number | null)[][] {
  const last = series.frames.findLastIndex((frames) => frames > 0);
  const times = series.frames.map((_, index) => (series.from_ms + index * series.bucket_ms) / 1000);
  const values = labels.map((label) => {
    const max = series.labels[label]?.max ?? [];
    let held: number | null = null;
    return series.frames.map((frames, index) => {
      if (index > last) return null;
      if (frames) held = max[index] ?? 0;
      return held;
    });
  });
  return [times, ...values];
}

/** A row of the table that replaces the plot. */
export interface Row {
  from: number;
  to: number;
  /** Maximum per frame, in the order of the labels; null where no frame was processed. */
  most: (number | null)[];
}

/** The series in at most `rows` rows. */
export function tableRows(series: Series, labels: readonly string[], rows: number): Row[] {
  const buckets = series.frames.length;
  const size = Math.max(1, Math.ceil(buckets / rows));
  const found: Row[] = [];
  for (let first = 0; first < buckets; first += size) {
    const end = Math.min(buckets, first + size);
    const seen = series.frames.slice(first, end).some((frames) => frames > 0);
    found.push({
      from: series.from_ms + first * series.bucket_ms,
      to: Math.min(series.to_ms, series.from_ms + end * series.bucket_ms),
      most: labels.map((label) => (seen ? Math.max(0, ...(series.labels[label]?.max.slice(first, end) ?? [])) : null)),
    });
  }
  return found;
}

/** Text alternative of the plot. */
export function described(series: Series, labels: readonly string[], clock: (ms: number) => string): string {
  const span = `from ${clock(series.from_ms)} to ${clock(series.to_ms)}`;
  if (!labels.length) return `No detections ${span}.`;
  const parts = labels.slice(0, 5).map((label) => {
    const max = series.labels[label]?.max ?? [];
    const most = Math.max(0, ...max);
    return `${label} at most ${most} per frame, first at ${clock(series.from_ms + max.indexOf(most) * series.bucket_ms)}`;
  });
  const more = labels.length > 5 ? `; and ${labels.length - 5} more labels` : "";
  return `Detections per label ${span}: ${parts.join("; ")}${more}.`;
}

/** The values at a time, for the legend. */
export function valuesAt(series: Series, labels: readonly string[], ms: number): { label: string; most: number }[] {
  const index = Math.floor((ms - series.from_ms) / series.bucket_ms);
  return labels
    .map((label) => ({ label, most: series.labels[label]?.max[index] ?? 0 }))
    .filter((value) => value.most > 0);
}
