import assert from "node:assert/strict";
import { test } from "node:test";
import { cameraProblem, cameraUnusable } from "./camera.ts";

test("an insecure page says where the camera works", () => {
  assert.match(cameraUnusable({ isSecureContext: false, origin: "http://10.0.0.2:8080" }) ?? "", /10\.0\.0\.2.*https/);
  assert.equal(cameraUnusable({ isSecureContext: true, origin: "https://x" }), null);
});

test("each failure says what to do", () => {
  const problem = (name: string) => cameraProblem(Object.assign(new Error("text of the browser"), { name }));
  assert.match(problem("NotAllowedError"), /Allow it/);
  assert.match(problem("NotReadableError"), /another program/);
  assert.match(problem("SolarStorm"), /text of the browser/);
});
