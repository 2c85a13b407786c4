import assert from "node:assert/strict";
import { test } from "node:test";
import { columnsFor } from "./wall-grid.ts";

test("the wall has as many columns as fit and are needed", () => {
  assert.deepEqual(
    [1, 2, 3, 4, 5, 9, 10, 16].map((count) => columnsFor(count, 1600)),
    [1, 2, 2, 2, 3, 3, 4, 4],
  );
  assert.deepEqual(
    [1, 4, 16].map((count) => columnsFor(count, 360)),
    [1, 1, 1],
  );
  assert.equal(columnsFor(16, 700), 2);
});
