import assert from "node:assert/strict";
import { test } from "node:test";
import type { SceneCounts, SceneEvent } from "../api/track-types.ts";
import { columns, plotted } from "../timeline/series-view.ts";
import { eventText, intervalFor, plotSeries, seriesName } from "./event-text.ts";

const event = (part: Partial<SceneEvent>): SceneEvent => ({
  type: "enters",
  track: 7,
  label: "car",
  frame: 10,
  time_ms: 400,
  zone: "Door",
  ...part,
});

test("events in words", () => {
  assert.equal(eventText(event({})), "car 7 enters Door");
  assert.equal(eventText(event({ type: "leaves", seconds: 3.2 })), "car 7 leaves Door after 3.2 s");
  assert.equal(eventText(event({ type: "dwells", seconds: 60 })), "car 7 has been in Door for 1 min");
  assert.equal(eventText(event({ type: "appears" })), "car 7 is first seen in Door");
  assert.equal(eventText(event({ type: "disappears", seconds: 2 })), "car 7 is last seen in Door, after 2.0 s");
  const crossing = { type: "crosses", line: "Gate", direction: "backward" } as const;
  assert.equal(eventText(event(crossing)), "car 7 crosses Gate backward");
});

const counts: SceneCounts = {
  from_ms: 10_000,
  to_ms: 13_000,
  interval: 1,
  series: [
    { line: "Gate", label: "car", type: "crosses", direction: "forward", total: 3, counts: [1, 0, 2] },
    { zone: "Door", label: "person", type: "enters", total: 1, counts: [0, 1, 0] },
  ],
};

test("counts are plotted as the timeline is", () => {
  const series = plotSeries(counts);
  const names = counts.series.map(seriesName);
  assert.deepEqual(names, ["Gate forward: car crosses", "Door: person enters"]);
  assert.deepEqual(plotted(series, new Set()), names);
  assert.deepEqual(columns(series, names), [
    [10, 11, 12],
    [1, 0, 2],
    [0, 1, 0],
  ]);
  assert.deepEqual(plotSeries({ ...counts, series: [] }).frames, []);
});

test("a plot has not too many intervals", () => {
  assert.equal(intervalFor(5), 1);
  assert.equal(intervalFor(121), 2);
  assert.equal(intervalFor(3600), 30);
  assert.equal(intervalFor(86_400 * 1000), 86_400);
});
