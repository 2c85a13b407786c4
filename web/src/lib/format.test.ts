import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, percent } from "./format.ts";

test("sizes have at most three digits and a fitting unit", () => {
  const cases: [number, string][] = [
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.0 kB"],
    [9940, "9.9 kB"],
    [9960, "10 kB"],
    [999_600, "1.0 MB"],
    [2_345_678_901, "2.3 GB"],
  ];
  for (const [count, text] of cases) assert.equal(bytes(count), text);
});

test("a part is written in two digits", () => {
  assert.deepEqual([0.0004, 0.032, 0.0996, 0.28, 1].map(percent), ["0.0 %", "3.2 %", "10 %", "28 %", "100 %"]);
});
