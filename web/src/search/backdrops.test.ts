import assert from "node:assert/strict";
import { test } from "node:test";
import { backdrops } from "./backdrops.ts";

const NOTHING = { video: "", stream: "" };
const GATE = { id: "g", name: "Gate", wanted: "running" as const };
const OLD = { id: "o", name: "Old", wanted: "stopped" as const };
const hit = (video_id: string, source: string | null, video_name = `${video_id}.mp4`) => ({
  video_id,
  video_name,
  source,
});

test("an area is drawn on each place that was found, once, and on the cameras that run", () => {
  const hits = [hit("a", "yard"), hit("b", "yard"), hit("c", null), hit("d", "stream:o")];
  assert.deepEqual(backdrops(NOTHING, [GATE, OLD], hits), [
    { name: "yard", of: { video: "a" } },
    { name: "c.mp4", of: { video: "c" } },
    { name: "Old", of: { video: "d" } },
    { name: "Gate", of: { stream: "g" } },
  ]);
});

test("the chosen video comes first, and of a chosen camera no other one is offered", () => {
  const [first] = backdrops({ video: "b", stream: "" }, [], [hit("a", "yard"), hit("b", "door")]);
  assert.deepEqual(first, { name: "door", of: { video: "b" } });
  assert.deepEqual(backdrops({ video: "", stream: "g" }, [GATE, { ...GATE, id: "x", name: "X" }], []), [
    { name: "Gate", of: { stream: "g" } },
  ]);
});
