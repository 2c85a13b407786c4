import assert from "node:assert/strict";
import { test } from "node:test";
import type { Job, JobState } from "../api/types.ts";
import { type Query, withFirstPage, withJob } from "./list-updates.ts";

const ALL: Query = { search: "", group: "all" };

function job(id: string, at: number, state: JobState = "running", name = "a.mp4"): Job {
  const video = { name, width: null, height: null, duration_ms: null, poster: null };
  return { id, state, video, created_at: `2026-01-01T00:00:${String(at).padStart(2, "0")}Z` } as Job;
}

const ids = (list: Job[]) => list.map(({ id }) => id).join("");
const list = [job("c", 30), job("b", 20), job("a", 10)];

test("a new job is inserted by its creation time", () => {
  assert.equal(ids(withJob(list, job("d", 40), ALL, false)), "dcba");
  assert.equal(ids(withJob(list, job("x", 25), ALL, false)), "cxba");
});

test("a newer state replaces the older one", () => {
  const after = withJob(list, job("b", 20, "succeeded"), ALL, false);
  assert.equal(ids(after), "cba");
  assert.equal(after[1]?.state, "succeeded");
  assert.equal(ids(withJob(list, job("a", 10, "failed"), ALL, false)), "cba");
});

test("an older job that is not shown yet is left to its page", () => {
  assert.equal(ids(withJob(list, job("z", 5), ALL, false)), "cba");
  assert.equal(ids(withJob(list, job("z", 5), ALL, true)), "cbaz");
});

test("jobs that do not match the query are left out and removed", () => {
  assert.equal(ids(withJob(list, job("d", 40), { search: "", group: "done" }, false)), "cba");
  assert.equal(ids(withJob(list, job("b", 20, "succeeded"), { search: "", group: "working" }, false)), "ca");
  assert.equal(
    ids(withJob(list, job("d", 40, "running", "Gate.MP4"), { search: "gate", group: "all" }, false)),
    "dcba",
  );
  assert.equal(ids(withJob(list, job("d", 40, "running", "x.mp4"), { search: "gate", group: "all" }, false)), "cba");
});

test("a refetched first page keeps later pages and drops deleted jobs", () => {
  assert.equal(ids(withFirstPage(list, [job("d", 40), job("b", 20)], false)), "dba");
  assert.equal(ids(withFirstPage(list, [job("d", 40), job("b", 20)], true)), "db");
  assert.equal(ids(withFirstPage(list, [], true)), "");
});
