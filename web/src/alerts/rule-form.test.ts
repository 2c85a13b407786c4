import assert from "node:assert/strict";
import { test } from "node:test";
import type { Rule } from "../api/alert-types.ts";
import { readQuery } from "../search/query.ts";
import {
  bodyOf,
  emptyForm,
  formOf,
  fromTemplate,
  lost,
  NEW_WEBHOOK,
  ofSearch,
  type RuleForm,
  TEMPLATES,
  whyNot,
} from "./rule-form.ts";

const HERE = "Europe/Berlin";

test("a rule goes through the form unchanged", () => {
  const rule: Rule = {
    id: "r",
    created_at: "2026-01-31T12:00:00Z",
    name: "Back door",
    enabled: false,
    search: {
      label: ["person", "dog"],
      min_score: 0.6,
      min_ms: 2500,
      scene_id: "s",
      line: "Sill",
      event: "crosses",
      direction: "forward",
      stream_id: ["c"],
      source: ["attic"],
      tag: ["night"],
    },
    schedule: { days: [0, 4], from: "22:00", to: "06:00", timezone: "America/New_York" },
    at_most_one_in_s: 300,
    webhook_id: "w",
    limited_at: null,
    error: null,
    failed_at: null,
  };
  const { id, created_at, limited_at, error, failed_at, ...body } = rule;
  assert.deepEqual(bodyOf(formOf(rule, HERE), "s", "w"), body);
});

test("what is not set is not sent", () => {
  const form = {
    ...emptyForm(HERE),
    name: " Door ",
    labels: ["person"],
    place: "zone Door",
    event: "enters" as const,
  };
  assert.deepEqual(bodyOf(form, "", ""), {
    name: "Door",
    enabled: true,
    search: { label: ["person"] },
    schedule: null,
    at_most_one_in_s: 60,
    webhook_id: null,
  });
});

test("each template is a rule that can be saved", () => {
  for (const template of TEMPLATES) assert.equal(whyNot(fromTemplate(template, HERE)), null);
  const [first] = TEMPLATES;
  const { name, search, schedule } = bodyOf(fromTemplate(first as (typeof TEMPLATES)[number], HERE), "", "");
  assert.equal(name, "A person after ten at the back door");
  assert.deepEqual(search.label, ["person"]);
  assert.deepEqual(schedule, { days: [0, 1, 2, 3, 4, 5, 6], from: "22:00", to: "06:00", timezone: HERE });
});

test("all day ends at midnight", () => {
  const form = { ...emptyForm(HERE), timed: true, from: "00:00", to: "00:00" };
  assert.deepEqual(bodyOf(form, "", "").schedule?.to, "24:00");
  const rule = { ...bodyOf(form, "", ""), id: "r", created_at: "", limited_at: null, error: null, failed_at: null };
  assert.deepEqual(formOf(rule, HERE), form);
});

test("a search becomes a rule, and what it cannot keep is told", () => {
  const text =
    "label=car&stream=c&tag=t&weekday=sat&weekday=sun&hour_from=22:00&min_score=0.5&min_seconds=3&polygon=0,0,1,0,1,1" +
    "&from=2026-01-01&source=yard&direction=n";
  const query = readQuery(new URLSearchParams(text));
  const form = ofSearch(query, HERE);
  assert.deepEqual([form.days, form.from, form.to], [[5, 6], "22:00", "00:00"]);
  assert.equal(form.area?.length, 3);
  assert.deepEqual(bodyOf(form, "new", "").search, {
    label: ["car"],
    min_score: 0.5,
    min_ms: 3000,
    scene_id: "new",
    stream_id: ["c"],
    source: ["yard"],
    tag: ["t"],
  });
  assert.deepEqual(lost(query), ["the days of the calendar", "the direction in the picture"]);
  const zoned = ofSearch(readQuery(new URLSearchParams("scene=s&zone=Door")), HERE);
  assert.equal(zoned.place, "zone Door");
  assert.equal(zoned.timed, false);
});

test("what has no meaning is told before it is sent", () => {
  const good: RuleForm = { ...emptyForm(HERE), name: "Door", labels: ["person"] };
  assert.equal(whyNot(good), null);
  const wrong: [Partial<RuleForm>, RegExp][] = [
    [{ name: " " }, /name/],
    [{ timed: true, days: [] }, /day/],
    [{ timed: true, from: "" }, /from when/],
    [{ timed: true, from: "06:00", to: "06:00" }, /two different/],
    [{ webhook: NEW_WEBHOOK, url: "example.org" }, /https/],
    [{ labels: [] }, /all the time/],
  ];
  for (const [part, said] of wrong) assert.match(whyNot({ ...good, ...part }) ?? "", said);
});
