import assert from "node:assert/strict";
import { test } from "node:test";
import type { Alert, Rule } from "../api/alert-types.ts";
import {
  alertLink,
  alertTime,
  alertWhat,
  daysText,
  failureText,
  lastRefusal,
  rateText,
  refusalText,
  ruleFacts,
  scheduleText,
  searchText,
} from "./rule-text.ts";

const NAMES = { scenes: new Map([["s", "Yard"]]), streams: new Map([["c", "Gate"]]) };
const ALERT: Alert = {
  id: "a",
  rule_id: "r",
  rule_name: "Door",
  at_ms: Date.parse("2026-01-31T22:14:05Z"),
  dated: true,
  label: "person",
  score: 0.874,
  event: null,
  zone: null,
  line: null,
  direction: null,
  video_id: null,
  job_id: null,
  stream_id: null,
  track: 7,
  start_ms: 12_500,
  seen: false,
};

test("a schedule in words", () => {
  assert.equal(daysText([0, 1, 2, 3, 4, 5, 6]), "every day");
  assert.equal(daysText([4, 0, 1, 2, 3]), "Mon to Fri");
  assert.equal(daysText([6, 5]), "Sat, Sun");
  assert.equal(daysText([0, 2, 4]), "Mon, Wed, Fri");
  const night = { days: [0, 1, 2, 3, 4, 5, 6], from: "22:00", to: "06:00", timezone: "Europe/Berlin" };
  assert.equal(scheduleText(night, "Europe/Berlin"), "every day, 22:00 to 06:00");
  assert.equal(scheduleText({ ...night, from: "00:00", to: "24:00" }, "UTC"), "every day, all day (Europe/Berlin)");
  assert.equal(scheduleText(null, "UTC"), "always");
});

test("what a rule looks for, in words", () => {
  assert.equal(searchText({}, NAMES), "anything");
  const whole = {
    label: ["person", "dog"],
    min_score: 0.6,
    min_ms: 3000,
    scene_id: "s",
    zone: "Door",
    event: "enters" as const,
  };
  assert.equal(
    searchText({ ...whole, stream_id: ["c"], source: ["attic"], tag: ["night"] }, NAMES),
    "person or dog, enters Door (Yard), at least 60 %, at least 3.0 s, on Gate, from attic, tagged night",
  );
  assert.equal(
    searchText({ scene_id: "s", line: "Sill", direction: "forward" }, NAMES),
    "anything, crosses Sill (Yard) forward",
  );
  assert.equal(
    searchText({ scene_id: "gone", stream_id: ["gone"] }, NAMES),
    "anything, in a deleted scene, on a deleted camera",
  );
  assert.equal(rateText(300), "at most one in 5 min");
});

test("an alert in words, and where it leads", () => {
  assert.equal(alertWhat(ALERT), "person, 87 %");
  assert.equal(alertWhat({ ...ALERT, event: "enters", zone: "Door" }), "person enters Door, 87 %");
  assert.equal(
    alertWhat({ ...ALERT, event: "crosses", line: "Sill", direction: "backward" }),
    "person crosses Sill backward, 87 %",
  );
  assert.equal(alertLink({ ...ALERT, job_id: "j", stream_id: "c" }), "/jobs/j#t=12.50&track=7");
  assert.equal(alertLink({ ...ALERT, stream_id: "c" }), `/live/c#at=${ALERT.at_ms}`);
  assert.equal(alertLink(ALERT), null);
  assert.match(alertTime({ ...ALERT, dated: false }), /^uploaded .*2026/);
});

test("what else is told of a rule", () => {
  const rule: Rule = {
    id: "r",
    name: "Door",
    enabled: true,
    search: {},
    schedule: null,
    at_most_one_in_s: 60,
    webhook_id: "w",
    limited_at: null,
    error: null,
    failed_at: null,
    created_at: "2026-01-31T12:00:00Z",
  };
  const urls = new Map([["w", "https://example.org:8443/alerts?key=1"]]);
  assert.equal(ruleFacts(rule, "UTC", urls), "always · at most one in 1 min · calls example.org:8443");
  const failing = { ...rule, error: { code: "error", detail: "Save it again." }, failed_at: "2026-01-31T12:00:00Z" };
  assert.match(failureText(failing) ?? "", /^Since .*2026.*\. Save it again\.$/);
  assert.equal(failureText({ ...failing, enabled: false }), null);
  assert.equal(failureText(rule), null);
});

test("why a webhook was not reached is said by the newest call that was tried", () => {
  const untried = { state: "waiting", error: null } as const;
  const refused = { state: "waiting", error: "the address answered 404 Not Found" } as const;
  const arrived = { state: "delivered", error: null } as const;
  assert.equal(lastRefusal([untried, refused, arrived]), refused.error);
  assert.equal(lastRefusal([untried, arrived, refused]), null);
  assert.equal(lastRefusal([untried]), null);
  assert.equal(
    refusalText("https://example.org/a", refused.error),
    "Its webhook at example.org did not take the last call: the address answered 404 Not Found. " +
      "Correct that there, or choose another webhook.",
  );
});
