"""A page in a real browser that sends its webcam to a session of the ingest, as the web UI does."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from playwright.sync_api import Page, Route

T = TypeVar("T")
_ADDRESS = "https://camera.invalid/"  # browsers give a webcam to secure pages only
_SEND = """
async ({ width, height, codec, connection }) => {
  const media = await navigator.mediaDevices.getUserMedia({ video: { width, height, frameRate: 30 } });
  const peer = new RTCPeerConnection(connection);
  const sender = peer.addTransceiver(media.getVideoTracks()[0], { direction: "sendonly" });
  const known = RTCRtpSender.getCapabilities("video").codecs;
  sender.setCodecPreferences(known.filter(({ mimeType }) => mimeType === codec || mimeType === "video/rtx"));
  await peer.setLocalDescription();
  await new Promise((done) => {
    const look = () => peer.iceGatheringState === "complete" && done();
    peer.addEventListener("icegatheringstatechange", look);
    look();
  });
  const answer = await whip(peer.localDescription.sdp);
  await peer.setRemoteDescription({ type: "answer", sdp: answer });
  globalThis.peer = peer;
}
"""


class LoopThread:
    """An event loop beside the browser's, for the length of a context."""

    def __enter__(self) -> "LoopThread":
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of a coroutine."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)


def send_webcam(
    page: Page,
    answer: Any,
    width: int = 640,
    height: int = 480,
    codec: str = "video/H264",
    connection: dict[str, Any] | None = None,
) -> None:
    """Begin to send. answer: from the offer's SDP to that of the answer. connection: options of RTCPeerConnection."""

    def empty(route: Route) -> None:
        route.fulfill(content_type="text/html", body="<!doctype html>")

    page.route(f"{_ADDRESS}**", empty)
    page.goto(_ADDRESS)
    page.expose_function("whip", answer)
    page.evaluate(_SEND, {"width": width, "height": height, "codec": codec, "connection": connection or {}})


def leave(page: Page) -> None:
    """End the connection."""
    page.evaluate("peer.close()")
