import assert from "node:assert/strict";
import { test } from "node:test";
import type { SceneEvent } from "../api/track-types.ts";
import { withEvent } from "./moments.ts";

const event: SceneEvent = { type: "enters", track: 7, label: "car", frame: 10, time_ms: 400, zone: "Door" };

test("events keep their time when the stream is started anew, the newest are first and few are kept", () => {
  const first = withEvent([], event, "2026-11-30T10:00:00Z", 2);
  const both = withEvent(first, event, "2026-11-30T11:00:00Z", 2);
  const times = (list: readonly { at: number }[]) => list.map(({ at }) => new Date(at).toISOString());
  assert.deepEqual(times(both), ["2026-11-30T11:00:00.400Z", "2026-11-30T10:00:00.400Z"]);
  assert.equal(withEvent(both, event, "2026-11-30T12:00:00Z", 2).length, 2);
});
