import assert from "node:assert/strict";
import { test } from "node:test";
import { iceServers, preferred } from "./negotiation.ts";

test("H.264 comes first, and the others stay in their order", () => {
  const codec = (mimeType: string, sdpFmtpLine = "") => ({ mimeType, sdpFmtpLine });
  const codecs = [
    codec("video/VP8"),
    codec("video/rtx"),
    codec("video/H264", "packetization-mode=0"),
    codec("video/H264", "level-asymmetry-allowed=1;packetization-mode=1"),
    codec("video/AV1"),
  ];
  assert.deepEqual(
    preferred(codecs).map(({ mimeType, sdpFmtpLine }) => mimeType + sdpFmtpLine.slice(-1)),
    ["video/H2641", "video/H2640", "video/VP8", "video/rtx", "video/AV1"],
  );
});

test("ICE servers are read from Link headers", () => {
  const link =
    '<stun:stun.example.org>; rel="ice-server", <turn:turn.example.org?transport=udp>; rel="ice-server"; ' +
    'username="user"; credential="pa,ss"; credential-type="password", <https://x>; rel="help"';
  assert.deepEqual(iceServers(link), [
    { urls: "stun:stun.example.org" },
    { urls: "turn:turn.example.org?transport=udp", username: "user", credential: "pa,ss" },
  ]);
  assert.deepEqual(iceServers(null), []);
});
