import assert from "node:assert/strict";
import { test } from "node:test";
import { cameraProblem, cameraUnusable, openCamera } from "./camera.ts";

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

test("a browser that cannot send is told before its camera is asked for", async () => {
  const said = () => openCamera(null).catch(cameraProblem);
  assert.match(String(await said()), /no WebRTC/); // Node has none
  const offering = (sdp: string) =>
    class {
      addTransceiver() {}
      createOffer = async () => ({ sdp });
      close() {}
    };
  Object.assign(globalThis, { RTCPeerConnection: offering("a=rtpmap:96 VP8/90000") });
  assert.match(String(await said()), /OpenH264/);
  Object.assign(globalThis, { RTCPeerConnection: offering("a=rtpmap:96 H264/90000") });
  assert.doesNotMatch(String(await said()), /H.264|WebRTC/);
  Reflect.deleteProperty(globalThis, "RTCPeerConnection");
});
