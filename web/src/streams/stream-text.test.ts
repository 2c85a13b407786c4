import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Stream } from "../api/stream-types.ts";
import { dropWords, recordingWords, told, troubles } from "./stream-text.ts";

const CONTRACTS = join(import.meta.dirname, "../../../contracts/live");
const stream = (part: Partial<Stream>) =>
  ({ kind: "rtsp", state: "failed", reason: null, detail: null, live: null, record: null, ...part }) as Stream;

/** The values of a StrEnum in the service's code. */
function valuesOf(file: string, name: string): string[] {
  const text = readFileSync(join(CONTRACTS, file), "utf8");
  const body = text.slice(text.indexOf(`class ${name}(`)).split(/\n\n\n/)[0] ?? "";
  return [...body.matchAll(/^ {4}[A-Z_]+ = "(\w+)"/gm)].map(([, value]) => value as string);
}

test("each state and reason of the service has words of its own", () => {
  const reasons = valuesOf("streams.py", "Reason");
  assert.ok(reasons.length > 10);
  for (const reason of reasons.filter((one) => one !== "waiting_for_sender")) {
    const { title, advice } = told(stream({ state: "reconnecting", reason }));
    assert.ok(title && advice, reason);
    assert.ok(!title.includes("_") && !advice.includes("_") === (reason !== "not_allowed"), reason);
  }
  for (const state of valuesOf("streams.py", "StreamState")) {
    assert.notEqual(told(stream({ state: state as Stream["state"] })).state, state);
  }
});

test("a wrong password says what to do", () => {
  const { title, help, tone } = told(stream({ reason: "unauthorized" }));
  assert.deepEqual([title, help, tone], ["Wrong user name or password", "edit", "bad"]);
});

test("waiting is no failure, and says for what", () => {
  const webcam = told(stream({ kind: "webrtc", state: "connecting", reason: "waiting_for_sender" }));
  assert.deepEqual([webcam.state, webcam.tone, webcam.help], ["Waiting", "idle", "send"]);
  const push = told(stream({ kind: "push", state: "connecting", reason: "waiting_for_sender" }));
  assert.match(push.title ?? "", /image/);
});

test("a stream that was just started is given time", () => {
  const started_at = "2026-11-29T12:00:00Z";
  const after = (ms: number) => {
    const one = stream({ state: "connecting", reason: "no_ingest", started_at });
    return told(one, one, Date.parse(started_at) + ms).title;
  };
  assert.equal(after(1000), "Connecting…");
  assert.equal(after(20_000), "No service reads it");
});

test("a failure of a later release shows its detail", () => {
  const { title, advice } = told(stream({ reason: "solar_storm", detail: "try again at night" }));
  assert.deepEqual([title, advice], ["Failed", "try again at night"]);
});

test("a socket's newer state comes before that of the list", () => {
  const old = stream({ state: "connecting", reason: "no_ingest", detail: "old" });
  assert.equal(told(old, { state: "live", reason: null, detail: null }).title, null);
});

test("drops, recordings and what is missing are told by their reason", () => {
  for (const reason of valuesOf("streams.py", "DropReason")) assert.doesNotMatch(dropWords({ [reason]: 1 }), /^1 \w+$/);
  assert.equal(dropWords({ behind: 0 }), "");
  for (const reason of valuesOf("recordings.py", "RecordingEnd"))
    assert.equal(recordingWords({ state: "filed", reason, error: null }) === "", reason === "rolled", reason);
  assert.equal(recordingWords({ state: "open", reason: null, error: null }), "Recording");
  const error = { code: "storage_full", detail: "the disk is full" };
  assert.equal(recordingWords({ state: "failed", reason: "lost", error }), "Could not be filed: the disk is full");
  assert.equal(recordingWords({ state: "closed", reason: "rolled", error }), "Being filed: the disk is full");
  const live = { detector: null, detector_error: null, recording_error: "storage_full" };
  assert.equal(troubles({ record: { minutes: 5 } }, live).length, 2);
  assert.equal(troubles({ record: null }, { ...live, detector: "a" }).length, 0);
  const broken = { ...live, detector_error: { code: "model_missing", detail: "the model is gone" } };
  assert.match(troubles({ record: null }, broken)[0] ?? "", /the model is gone/);
});
