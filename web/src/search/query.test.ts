import assert from "node:assert/strict";
import { test } from "node:test";
import { apiParams, filtersSet, readQuery, writeQuery } from "./query.ts";

const FULL =
  "label=car&label=traffic+light&from=2026-01-30&to=2026-01-31&hour_from=22%3A00&hour_to=06%3A30&tag=door&source=yard" +
  "&video=1b4e28ba-2fa1-41d2-883f-0016d3cca427&direction=ne&weekday=mon&weekday=sun&min_score=0.6&min_seconds=2.5" +
  "&polygon=0.1%2C0.5%2C0.9%2C0.5%2C0.5%2C1&sort=score";

test("the address holds the whole query", () => {
  const query = readQuery(new URLSearchParams(FULL));
  assert.equal(writeQuery(query).toString(), FULL);
  assert.deepEqual(query.labels, ["car", "traffic light"]);
  assert.deepEqual(query.polygon, [
    [0.1, 0.5],
    [0.9, 0.5],
    [0.5, 1],
  ]);
  assert.equal(filtersSet(query), 13);
});

test("an address that says nothing, or nonsense, asks for everything", () => {
  const nothing = readQuery(new URLSearchParams());
  const nonsense = "min_score=7&min_seconds=-1&polygon=0.1,0.2,3,4,5,6&weekday=someday&sort=worst&label=";
  assert.deepEqual(readQuery(new URLSearchParams(nonsense)), nothing);
  assert.equal(writeQuery(nothing).toString(), "");
  assert.deepEqual(apiParams(nothing, "Europe/Berlin"), {});
  assert.equal(filtersSet(nothing), 0);
});

test("the last day is included, and days and hours are those of the user", () => {
  const query = readQuery(new URLSearchParams("to=2026-02-28&label=car&label=bus&min_score=0.5"));
  assert.deepEqual(apiParams(query, "Europe/Berlin"), {
    label: ["car", "bus"],
    to: "2026-03-01",
    min_score: "0.5",
    time_zone: "Europe/Berlin",
  });
});

test("a scene with its zones takes the place of a polygon", () => {
  const query = readQuery(new URLSearchParams("scene=1b4e28ba&zone=Door&zone=Yard&polygon=0,0,1,0,1,1"));
  assert.equal(query.polygon, null);
  assert.deepEqual(apiParams(query, "UTC"), { scene: "1b4e28ba", zone: ["Door", "Yard"] });
  assert.deepEqual(readQuery(new URLSearchParams("zone=Door")).zones, [], "no zones without a scene");
});
