import assert from "node:assert/strict";
import { test } from "node:test";
import { EventParser } from "./sse.ts";

const STREAM =
  'retry: 2000\n\n: ping\n\nid: 7\nevent: job\ndata: {"a":\ndata: 1}\n\nevent: gone\r\ndata:x\r\n\r\ndata: last\rid: 8\r\r';
const EVENTS = [
  { event: "job", data: '{"a":\n1}', id: "7" },
  { event: "gone", data: "x", id: "7" },
  { event: "message", data: "last", id: "8" },
];

test("events are parsed", () => {
  assert.deepEqual(new EventParser().push(`${STREAM}\n`), EVENTS);
});

test("parsing does not depend on how the stream is split", () => {
  for (let size = 1; size < STREAM.length; size += 1) {
    const parser = new EventParser();
    const found = [];
    for (let at = 0; at < STREAM.length; at += size) found.push(...parser.push(STREAM.slice(at, at + size)));
    found.push(...parser.push("\n"));
    assert.deepEqual(found, EVENTS, `pieces of ${size}`);
  }
});

test("an incomplete event is not emitted", () => {
  assert.deepEqual(new EventParser().push("event: job\ndata: 1\n"), []);
});
