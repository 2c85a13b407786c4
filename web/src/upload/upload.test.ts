import assert from "node:assert/strict";
import { test } from "node:test";
import { matching } from "./label-search.ts";
import { DEFAULTS, describe, errorsOf, type Form, formOf, requestOf } from "./options.ts";
import { Speed } from "./speed.ts";
import { verdict } from "./verdict.ts";

const FULL: Form = {
  ...DEFAULTS,
  model: "m",
  min_score: 0.5,
  labels: ["person", "car"],
  sampling: "every_n",
  every_n: 3,
  start_ms: "1:02.5",
  end_ms: "2:00",
  region: [0.1, 0.2, 0.9, 1],
};

test("defaults give an empty request and an empty description", () => {
  assert.deepEqual(requestOf(DEFAULTS), { options: {} });
  assert.equal(describe(DEFAULTS), "");
  assert.deepEqual(errorsOf(DEFAULTS), {});
});

test("a form is converted to a request and back", () => {
  const request = requestOf(FULL);
  assert.deepEqual(request, {
    model: "m",
    options: {
      min_score: 0.5,
      labels: ["person", "car"],
      every_n: 3,
      start_ms: 62_500,
      end_ms: 120_000,
      region: [0.1, 0.2, 0.9, 1],
    },
  });
  assert.deepEqual(formOf("m", request.options), FULL);
});

test("a job with masks is run again with masks", () => {
  assert.deepEqual(requestOf(formOf("m", { masks: true })), { model: "m", options: { masks: true } });
});

test("every_n and sample_fps are never requested together", () => {
  const { options } = requestOf({ ...FULL, sampling: "sample_fps" });
  assert.equal(options.every_n, undefined);
  assert.equal(options.sample_fps, 5);
});

test("frames to detect in are one of the ways to look at fewer of them", () => {
  const form: Form = { ...FULL, sampling: "frames", frames: "balanced" };
  const request = requestOf(form);
  assert.deepEqual([request.options.frames, request.options.every_n], ["balanced", undefined]);
  const again = formOf("m", request.options);
  assert.deepEqual([again.sampling, again.frames], ["frames", "balanced"]);
  assert.equal(requestOf({ ...again, sampling: "all" }).options.frames, undefined);
});

test("errors are reported by field", () => {
  const wrong = (part: Partial<Form>, duration?: number) => Object.keys(errorsOf({ ...DEFAULTS, ...part }, duration));
  assert.deepEqual(wrong({ min_score: 0 }), ["min_score"]);
  assert.deepEqual(wrong({ min_score: Number.NaN }), ["min_score"]);
  assert.deepEqual(wrong({ every_n: 1.5 }), []);
  assert.deepEqual(wrong({ sampling: "every_n", every_n: 1.5 }), ["every_n"]);
  assert.deepEqual(wrong({ start_ms: "x", end_ms: "y" }), ["start_ms", "end_ms"]);
  assert.deepEqual(wrong({ start_ms: "10", end_ms: "10" }), ["end_ms"]);
  assert.deepEqual(wrong({ start_ms: "10" }, 10_000), ["start_ms"]);
  assert.deepEqual(wrong({ region: [0.5, 0, 0.5, 1] }), ["region"]);
});

test("the speed is measured over the last seconds", () => {
  const speed = new Speed();
  for (let s = 0; s <= 20; s += 1) speed.add(s * 1000, s <= 10 ? s * 100 : 1000 + (s - 10) * 500);
  assert.equal(speed.rate(), 500);
});

test("the speed needs several samples and is reset by a smaller number of bytes", () => {
  const speed = new Speed();
  speed.add(0, 0);
  assert.equal(speed.rate(), null);
  speed.add(1000, 1000);
  assert.equal(speed.rate(), 1000);
  speed.add(2000, 500);
  assert.equal(speed.rate(), null);
});

test("temporary errors are retried, permanent ones are not", () => {
  for (const status of [0, 404, 409, 410, 423, 429, 460, 500, 502, 503, 507]) assert.equal(verdict(status), "again");
  for (const status of [400, 403, 412, 413, 415, 422]) assert.equal(verdict(status), "give up");
  assert.equal(verdict(401), "renew");
});

test("labels that begin with the typed text come first, selected ones are left out", () => {
  const all = ["suitcase", "car", "cat", "dog"];
  assert.deepEqual(matching(all, [], "CA"), ["car", "cat", "suitcase"]);
  assert.deepEqual(matching(all, ["cat"], "ca"), ["car", "suitcase"]);
  assert.deepEqual(matching(all, [], " "), all);
});
