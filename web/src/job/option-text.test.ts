import assert from "node:assert/strict";
import { test } from "node:test";
import type { Summary } from "../api/types.ts";
import { exportLink, resultsPath } from "./export-links.ts";
import { noLabels, rangeWords } from "./job-text.ts";
import { optionWords } from "./option-text.ts";

test("only options that are set are listed", () => {
  assert.deepEqual(optionWords({ min_score: 0.5, every_n: 1, labels: null }), [["Minimum confidence", "0.50"]]);
  const words = optionWords({ every_n: 22, start_ms: 1000, end_ms: null, region: [0, 0.25, 1, 1] });
  assert.deepEqual(words.slice(1), [
    ["Frames", "every 22nd"],
    ["Time range", "0:01.0 to the end"],
    ["Region", "0 % to 100 % across, 25 % to 100 % down"],
  ]);
  assert.deepEqual(optionWords({ frames: "fine" })[1], ["Frames", "few (fine), the boxes between are filled in"]);
  assert.deepEqual(optionWords({ every_n: 12 })[1], ["Frames", "every 12th"]);
});

test("an ended job without labels says whether nothing was detected or its summary is not there", () => {
  const summary = { labels: {} } as Summary;
  assert.equal(noLabels(null), "Loading…");
  assert.equal(noLabels("Try again."), "The labels are not available: Try again.");
  assert.equal(noLabels(summary), "Nothing was detected in this video.");
});

test("failed frames as text", () => {
  assert.equal(rangeWords({ first: 3, last: 3, reason: "damaged" }), "frame 3: damaged");
  assert.equal(rangeWords({ first: 3, last: 9, reason: "damaged" }), "frames 3 to 9: damaged");
});

test("links contain the filters, quoted", () => {
  const shown = { job: "j", minScore: 0.5, labels: ["dining table", "cup"] };
  assert.equal(
    exportLink(shown, "csv"),
    "/api/v1/jobs/j/export?format=csv&bom=1&min_score=0.50&label=dining+table&label=cup",
  );
  assert.equal(exportLink({ job: "j", minScore: null, labels: null }, "coco"), "/api/v1/jobs/j/export?format=coco");
  assert.equal(resultsPath({ job: "j", minScore: null, labels: null }), "/api/v1/jobs/j/results");
});
