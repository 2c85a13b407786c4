import assert from "node:assert/strict";
import { test } from "node:test";
import type { SceneEvent } from "../api/track-types.ts";
import { type Moment, withEvents } from "./moments.ts";

const event: SceneEvent = { type: "enters", track: 7, label: "car", frame: 10, time_ms: 400, zone: "Door" };
const BEGUN = "2026-11-30T10:00:00Z";
const later = (time_ms: number): SceneEvent => ({ ...event, time_ms });
const times = (list: readonly Moment[]) => list.map(({ time_ms }) => time_ms);

test("events keep their time when the stream is started anew, the newest are first and few are kept", () => {
  const first = withEvents([], [event], BEGUN, 2);
  const both = withEvents(first, [event], "2026-11-30T11:00:00Z", 2);
  const at = both.map(({ at }) => new Date(at).toISOString());
  assert.deepEqual(at, ["2026-11-30T11:00:00.400Z", "2026-11-30T10:00:00.400Z"]);
  assert.equal(withEvents(both, [event], "2026-11-30T12:00:00Z", 2).length, 2);
});

test("events that were told while earlier ones were loaded are there once, at their place", () => {
  const told = withEvents([], [later(500)], BEGUN, 10);
  const loaded = withEvents(told, [later(100), later(500), { ...later(500), type: "leaves" }], BEGUN, 10);
  assert.deepEqual(times(loaded), [500, 500, 100]);
  assert.deepEqual(times(withEvents(loaded, [later(300), later(900)], BEGUN, 3)), [900, 500, 500]);
  assert.deepEqual(times(withEvents(loaded, [later(300)], BEGUN, 10)), [500, 500, 300, 100]);
});
