import assert from "node:assert/strict";
import { test } from "node:test";
import type { Stream } from "../api/stream-types.ts";
import {
  addressError,
  changedAddressError,
  changes,
  formOfStream,
  joined,
  kindOf,
  recordError,
  recordFormOf,
  recordOf,
  split,
  streamOptionsOf,
  USUAL_RECORD,
} from "./stream-form.ts";

const typed = (address: string, username = "", password = "") => ({ address, username, password });

test("user name and password of a pasted address move to their fields, and back", () => {
  const parts = split(typed("rtsp://admin:p%40ss:w@rd@10.0.0.7:554/stream?a=1"));
  assert.deepEqual(parts, typed("rtsp://10.0.0.7:554/stream?a=1", "admin", "p@ss:w@rd"));
  assert.equal(joined(parts), "rtsp://admin:p%40ss%3Aw%40rd@10.0.0.7:554/stream?a=1");
  assert.deepEqual(split(typed(joined(parts))), parts);
});

test("an address without them stays, and keeps typed ones", () => {
  assert.deepEqual(split(typed("http://cam/@x", "a", "b")), typed("http://cam/@x", "a", "b"));
  assert.equal(joined(typed(" http://cam/mjpg ")), "http://cam/mjpg");
  assert.equal(split(typed("rtsp://a:100%@cam")).password, "100%");
});

test("the address tells the kind, and what cannot be read is told", () => {
  assert.deepEqual(["RTSP://c/1", "https://c/a.mjpg", "c:554", "file:///etc"].map(kindOf), [
    "rtsp",
    "http",
    null,
    null,
  ]);
  assert.equal(addressError(typed("rtsp://[fe80::1]:554/x")), null);
  for (const wrong of ["", "192.168.1.2", "rtmp://cam/live", "rtsp://"]) assert.ok(addressError(typed(wrong)), wrong);
});

test("a part of the address that is not shown is not sent back as it is shown", () => {
  const shown = "http://cam/video?key=***";
  assert.equal(changedAddressError(typed(shown), shown), null, "unchanged");
  assert.ok(changedAddressError(typed(shown, "a", "b"), shown));
  assert.ok(changedAddressError(typed("http://other/video?key=***"), shown));
  assert.equal(changedAddressError(typed("http://cam/video?key=1", "a", "b"), shown), null);
});

test("options go to the form and back unchanged", () => {
  const options = { min_score: 0.5, labels: ["cat"], region: [0, 0, 0.5, 1], max_fps: 5 } as Stream["options"];
  assert.deepEqual(streamOptionsOf(formOfStream({ model: "m", options })), options);
  const usual = { min_score: 0.35, labels: null, region: null, max_fps: null };
  assert.deepEqual(streamOptionsOf(formOfStream({ model: "m", options: {} })), usual);
});

test("recording goes to the form and back, and its limits may be left out", () => {
  const record = { minutes: 2, keep_days: 3, keep_bytes: 5e9 };
  assert.deepEqual(recordOf(recordFormOf(record)), record);
  assert.deepEqual(recordOf({ ...USUAL_RECORD, on: true, days: "" }), {
    minutes: 5,
    keep_days: null,
    keep_bytes: null,
  });
  assert.equal(recordOf(recordFormOf(null)), null);
  for (const wrong of [{ minutes: 0 }, { minutes: Number.NaN }, { days: "x" }, { gigabytes: "-1" }])
    assert.ok(recordError({ ...USUAL_RECORD, on: true, ...wrong }), JSON.stringify(wrong));
  assert.equal(recordError({ ...USUAL_RECORD, minutes: 0 }), null, "it is off");
});

test("only what was changed is sent", () => {
  const stream = { name: "a", model: "m", options: { min_score: 0.35 }, record: null } as Stream;
  const same = { name: "a", model: "m", options: { max_fps: null, labels: null, min_score: 0.35 }, record: null };
  assert.equal(changes(stream, same), null);
  assert.deepEqual(changes(stream, { ...same, name: "b" }), { name: "b" });
  assert.deepEqual(changes(stream, { ...same, options: { min_score: 0.5 } }), { options: { min_score: 0.5 } });
});
