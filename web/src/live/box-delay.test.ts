import assert from "node:assert/strict";
import { test } from "node:test";
import { BoxDelay, LEAST_MS } from "./box-delay.ts";

function measured(lags: number[]): number {
  const delay = new BoxDelay();
  for (const [index, lag] of lags.entries()) {
    delay.frame(index * 100, index * 100);
    delay.result(index * 100, index * 100 + lag);
  }
  return delay.behind();
}

test("the picture waits for what most results take, within bounds", () => {
  assert.equal(measured([]), LEAST_MS);
  assert.equal(measured([1, 2, 3]), LEAST_MS);
  assert.equal(measured(Array(50).fill(100)), 125);
  assert.equal(measured([...Array(95).fill(100), 900, 900]), 125, "not for the slowest");
  assert.equal(measured(Array(50).fill(5000)), 3000);
});

test("it follows a detector that became faster", () => {
  assert.equal(measured([...Array(100).fill(300), ...Array(60).fill(40)]), 65);
});

test("results of frames that were never seen do not count", () => {
  const delay = new BoxDelay();
  delay.result(100, 5000);
  assert.equal(delay.behind(), LEAST_MS);
});
