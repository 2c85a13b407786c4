import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError } from "../api/errors.ts";
import type { SceneEvent } from "../api/track-types.ts";
import { loadEarlier } from "./earlier-events.ts";

test("events are listed anew when the stream was started anew meanwhile, whose cursors of before are refused", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const happened = (track: number) => ({ track }) as SceneEvent;
  let start = "a";
  const load = async (cursor: string | null) => {
    if (cursor && cursor !== start) throw new ApiError(422, "invalid_cursor", "The cursor belongs to another filter");
    return { events: [happened(start === "a" ? 1 : 2)], next_cursor: start };
  };
  const taken: SceneEvent[][] = [];
  const take = (events: SceneEvent[]) => void taken.push(events);
  const loaded = loadEarlier(load, 50, take, new AbortController().signal);
  await new Promise(setImmediate);
  start = "b";
  context.mock.timers.tick(5000);
  await loaded;
  assert.deepEqual(taken, [[happened(1)], [happened(2)]]);
});
