import assert from "node:assert/strict";
import { test } from "node:test";
import { Retries } from "./retries.ts";

test("tries after each delay until it is not wanted any more, and from the first one when it is started again", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const tried: string[] = [];
  let wanted = true;
  const retries = new Retries([2, 4, 8]);
  const pass = (ms: number) => {
    for (let at = 0; at < ms; at += 1) t.mock.timers.tick(1);
  };
  const start = (name: string) =>
    retries.start(
      () => wanted,
      async () => void tried.push(name),
    );
  start("a");
  pass(2);
  assert.deepEqual(tried, ["a"]);
  start("b");
  pass(20);
  assert.deepEqual(tried, ["a", "b", "b", "b"]);
  start("c");
  wanted = false;
  pass(20);
  assert.equal(tried.length, 4);
});
