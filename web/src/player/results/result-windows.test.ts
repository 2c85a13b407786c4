import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { BoxWindows, type Loaded, toDrop, wantedWindows, widthFor } from "./result-windows.ts";

test("playback prefetches the next window, fast playback the next two", () => {
  assert.deepEqual(wantedWindows(6000, 4000, 1, 60_000), [1, 2]);
  assert.deepEqual(wantedWindows(6000, 4000, 8, 60_000), [1, 2, 3]);
  assert.deepEqual(wantedWindows(6000, 4000, 0, 60_000), [1]);
});

test("near the edge of a window its existing neighbour is loaded", () => {
  assert.deepEqual(wantedWindows(4100, 4000, 0, 60_000), [1, 0]);
  assert.deepEqual(wantedWindows(100, 4000, 0, 60_000), [0]);
  assert.deepEqual(wantedWindows(7900, 4000, 1, 7950), [1]);
});

test("windows are wider for sparse sampling", () => {
  assert.equal(widthFor(null), 4000);
  assert.equal(widthFor(5000), 20_000);
});

test("the least recently used window is evicted, never a wanted one", () => {
  assert.deepEqual(toDrop([5, 6, 7, 8], new Set([5]), 2), [6, 7]);
  assert.deepEqual(toDrop([5, 6], new Set(), 2), []);
});

/** A service that answers when told to. */
function service(final = true) {
  const asked: { index: number; signal: AbortSignal; answer: () => void }[] = [];
  const load = (from: number, _to: number, signal: AbortSignal): Promise<Loaded> =>
    new Promise((resolve, reject) => {
      const frames = [{ frame: from / 40, time_ms: from, detections: [] }];
      asked.push({ index: from / 4000, signal, answer: () => resolve({ frames, final }) });
      signal.addEventListener("abort", () => reject(signal.reason));
    });
  return { asked, load, open: () => asked.filter(({ signal }) => !signal.aborted).length };
}

test("scrubbing aborts passed windows and never has more than two requests", async () => {
  const { asked, load, open } = service();
  const windows = new BoxWindows(4000, load, () => undefined);
  for (let index = 0; index < 100; index += 1) {
    windows.want([index, index + 1]);
    assert.ok(open() <= 2);
  }
  assert.equal(asked.filter(({ signal }) => signal.aborted).length, asked.length - 2);
  await turn();
  windows.close();
  assert.equal(open(), 0);
});

test("a window is loaded once and joined with its neighbours", async () => {
  const { asked, load } = service();
  let changes = 0;
  const windows = new BoxWindows(4000, load, () => {
    changes += 1;
  });
  windows.want([1, 0]);
  for (const { answer } of asked) answer();
  await turn();
  windows.want([1, 0]);
  assert.equal(asked.length, 2);
  assert.equal(changes, 2);
  assert.ok(windows.has(4500) && !windows.has(9000));
  assert.deepEqual(
    windows.around(5000).map(({ time_ms }) => time_ms),
    [0, 4000],
  );
});

test("unfinished windows of a running job are reloaded when it progresses", async () => {
  const { asked, load } = service(false);
  const windows = new BoxWindows(4000, load, () => undefined);
  windows.want([0]);
  asked[0]?.answer();
  await turn();
  windows.want([0]);
  assert.equal(asked.length, 1);
  windows.refresh();
  assert.equal(asked.length, 2);
  assert.ok(windows.has(100), "what is here stays meanwhile");
});

test("when all boxes have changed, complete windows are reloaded too, and answers from before are not kept", async () => {
  const { asked, load } = service();
  const windows = new BoxWindows(4000, load, () => undefined);
  windows.want([0, 1]);
  asked[0]?.answer();
  await turn();
  windows.refresh(true);
  assert.equal(asked.length, 4);
  asked[1]?.answer();
  await turn();
  assert.ok(windows.has(100) && !windows.has(4100), "the old answer came too late");
  for (const { answer } of asked.slice(2)) answer();
  await turn();
  windows.want([0, 1]);
  assert.equal(asked.length, 4);
  assert.ok(windows.has(4100));
});

test("at most 24 windows are cached", async () => {
  const { asked, load } = service();
  const windows = new BoxWindows(4000, load, () => undefined);
  for (let index = 0; index < 40; index += 1) {
    windows.want([index]);
    asked.at(-1)?.answer();
    await turn();
  }
  const kept = Array.from({ length: 40 }, (_, index) => windows.has(index * 4000)).filter(Boolean).length;
  assert.equal(kept, 24);
  assert.ok(windows.has(39 * 4000) && !windows.has(0));
});

test("a failed window is not retried at once", async () => {
  let asked = 0;
  const windows = new BoxWindows(
    4000,
    () => {
      asked += 1;
      return Promise.reject(new Error("gone"));
    },
    () => undefined,
  );
  windows.want([0]);
  await turn();
  windows.want([0]);
  assert.equal(asked, 1);
  assert.ok(windows.failed(0) && !windows.has(0));
  windows.close();
});
