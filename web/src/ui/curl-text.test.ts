import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { curlText, quoted } from "./curl-text.ts";

test("quoted words are read back unchanged by a shell", () => {
  for (const word of ["plain/path?x", "it's", '"$HOME" `id` \\', "a b\nc", "é ✓", "!x", "-n"])
    assert.equal(execFileSync("sh", ["-c", `printf %s ${quoted(word)}`]).toString(), word);
});

test("the curl command uses the variable TOKEN", () => {
  assert.equal(
    curlText("http://h:1", { path: "/api/v1/jobs?limit=2&search=a" }),
    `curl -H "Authorization: Bearer $TOKEN" 'http://h:1/api/v1/jobs?limit=2&search=a'`,
  );
  assert.equal(
    curlText("http://h", { method: "POST", path: "/j", body: { a: "it's" }, output: "my file" }),
    `curl -X POST -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{"a":"it'\\''s"}' -o 'my file' http://h/j`,
  );
});

test("a file is sent as it is", () => {
  const file = { name: "image.jpg", type: "image/jpeg" };
  assert.equal(
    curlText("http://a", { method: "POST", path: "/x", file }),
    `curl -X POST -H "Authorization: Bearer $TOKEN" -H 'Content-Type: image/jpeg' --data-binary @image.jpg http://a/x`,
  );
});
