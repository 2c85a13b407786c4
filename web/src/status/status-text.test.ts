import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServiceStatus } from "../api/status-types.ts";
import { figures, named, states } from "./status-text.ts";

const WELL: ServiceStatus = {
  release: "1",
  problems: [],
  servers: { database: true },
  workers: {},
  jobs: {
    by_state: { queued: 1, running: 2, merging: 0 },
    backlog_frames: 600,
    backlog_seconds: 75,
    chunks_outstanding: 4,
  },
  streams: { by_state: { live: 0 }, wanted_fps: 20, served_fps: 19.5 },
  scale: {
    detector: { ratio: 1.25, capacity_fps: 40.4, detectors_wanted: 2 },
    live_detector: { ratio: 0, capacity_fps: 0, detectors_wanted: 0 },
  },
  storage: { videos_bytes: 12_300_000, renditions_bytes: 0, free_bytes: null },
  result_store_bytes: 2_000_000,
};

test("the numbers are told in words", () => {
  assert.deepEqual(figures(WELL), {
    Jobs: [
      ["Not ended", "1 queued, 2 running"],
      ["Load to capacity", "125 %, 40 frames/s can be done"],
      ["Waiting", "600 frames, about 1 min 15 s"],
      ["Chunks with detectors", "4"],
    ],
    Streams: [
      ["Streams", "none"],
      ["Load to capacity", "0 %, not measured yet"],
      ["Frames per second", "19.5 analysed of 20 wanted"],
    ],
    Storage: [
      ["Videos", "12 MB"],
      ["Copies", "0 B"],
      ["Free", "not limited here"],
      ["Results in memory", "2.0 MB"],
    ],
  });
});

test("what could not be read is unknown, and not nothing", () => {
  const parts = { jobs: null, streams: null, scale: null, storage: null, result_store_bytes: null };
  const values = Object.values(figures({ ...WELL, ...parts })).flatMap((rows) => rows.map(([, value]) => value));
  assert.deepEqual(new Set(values), new Set(["unknown"]));
});

test("roles and servers have names", () => {
  assert.equal(named("live_detector"), "Live detector");
  assert.equal(states({}), "none");
});
