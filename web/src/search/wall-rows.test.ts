import assert from "node:assert/strict";
import { test } from "node:test";
import { gridOf, rowsIn, wallHeight } from "./wall-rows.ts";

test("a wide wall has many columns, a phone two", () => {
  assert.equal(gridOf(1200).columns, 6);
  assert.equal(gridOf(328).columns, 2);
  assert.equal(gridOf(100).columns, 1);
  assert.equal(gridOf(0).columns, 1);
});

test("of ten thousand hits only the rows on the screen are in the page", () => {
  const grid = { columns: 5, rowHeight: 200 };
  assert.equal(wallHeight(grid, 10_000), 400_000);
  assert.equal(wallHeight(grid, 11), 600);
  assert.deepEqual(rowsIn(grid, 10_000, 100_000, 900), { first: 498, end: 507 });
  assert.deepEqual(rowsIn(grid, 10_000, -50, 900), { first: 0, end: 7 });
  assert.deepEqual(rowsIn(grid, 10_000, 399_500, 900), { first: 1995, end: 2000 });
  assert.deepEqual(rowsIn(grid, 11, 5000, 900), { first: 3, end: 3 });
});
