import assert from "node:assert/strict";
import { test } from "node:test";
import type { Series } from "../api/types.ts";
import {
  appearing,
  columns,
  described,
  following,
  heat,
  panned,
  plotted,
  selected,
  tableRows,
  valuesAt,
  zoomed,
} from "./series-view.ts";

const whole = { from: 1000, to: 101_000 };
const series: Series = {
  from_ms: 0,
  to_ms: 4000,
  bucket_ms: 1000,
  frames: [25, 0, 25, 0],
  any: [25, 0, 5, 0],
  labels: {
    dog: { first_frame: 3, max: [1, 0, 0, 0], mean: [1, 0, 0, 0] },
    person: { first_frame: 3, max: [3, 0, 1, 0], mean: [2, 0, 0.2, 0] },
  },
  complete: false,
  frontier_ms: 3000,
};

test("zooming keeps the time under the pointer and stays inside the video", () => {
  const near = zoomed(whole, 0.1, 51_000, whole);
  assert.deepEqual(near, { from: 46_000, to: 56_000 });
  assert.deepEqual(zoomed(near, 100, 46_000, whole), whole);
  assert.deepEqual(zoomed(whole, 0.1, 1000, whole), { from: 1000, to: 11_000 });
  const closest = zoomed(whole, 1e-9, 51_000, whole);
  assert.ok(Math.abs(closest.to - closest.from - 400) < 1e-6);
});

test("panning stays inside the video", () => {
  assert.deepEqual(panned({ from: 1000, to: 11_000 }, -5000, whole), { from: 1000, to: 11_000 });
  assert.deepEqual(panned({ from: 90_000, to: 100_000 }, 5000, whole), { from: 91_000, to: 101_000 });
  assert.deepEqual(zoomed({ from: 0, to: 50 }, 0.5, 20, { from: 0, to: 50 }), { from: 0, to: 50 });
});

test("the view pages forward when the playhead leaves it", () => {
  const view = { from: 1000, to: 11_000 };
  assert.equal(following(view, 5000, whole), view);
  assert.deepEqual(following(view, 11_000, whole), { from: 10_500, to: 20_500 });
});

test("a range can be dragged in both directions", () => {
  assert.deepEqual(selected(9000, 5000, whole), { from: 5000, to: 9000 });
});

test("the strip distinguishes no detections from unprocessed frames", () => {
  assert.deepEqual(heat(series), [1, -1, 0.2, -1]);
  assert.deepEqual(heat({ ...series, any: [1, 0, 0, 0] }), [1, -1, 0, -1]);
});

test("visible labels are sorted by their peak", () => {
  assert.deepEqual(plotted(series, new Set()), ["person", "dog"]);
  assert.deepEqual(plotted(series, new Set(["person"])), ["dog"]);
});

test("gaps between sampled frames keep the value, unfinished parts have none", () => {
  assert.deepEqual(columns(series, ["person"]), [
    [0, 1, 2, 3],
    [3, 3, 1, null],
  ]);
});

test("the table covers the whole view and marks unprocessed parts", () => {
  const rows = tableRows(series, ["person"], 4);
  assert.deepEqual(
    rows.map(({ from, to, most }) => [from, to, most[0]]),
    [
      [0, 1000, 3],
      [1000, 2000, null],
      [2000, 3000, 1],
      [3000, 4000, null],
    ],
  );
  assert.deepEqual(
    tableRows(series, ["person"], 2).map(({ most }) => most[0]),
    [3, 1],
  );
});

test("the plot has a text alternative", () => {
  const words = described(series, ["person"], (ms) => `${ms / 1000} s`);
  assert.equal(words, "Detections per label from 0 s to 4 s: person at most 3 per frame, first at 0 s.");
  assert.deepEqual(valuesAt(series, ["dog", "person"], 2500), [{ label: "person", most: 1 }]);
});

test("labels are ranked by first frame, within a frame by class id", () => {
  const cup = { first_frame: 0, max: [0, 0, 0, 1], mean: [0, 0, 0, 1] };
  const all = { ...series, labels: { ...series.labels, cup } };
  assert.deepEqual(
    appearing(all, (label) => ["person", "dog", "cup"].indexOf(label)),
    ["cup", "person", "dog"],
  );
});
