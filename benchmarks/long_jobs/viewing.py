"""What a browser is measured by: opening a job, moving in it, and playing it with its boxes."""

import time
from pathlib import Path
from typing import Any

from playwright.sync_api import CDPSession, Page

from benchmarks.clip import RATE

WATCH = Path(__file__).with_name("watch.js").read_text()
PLAY = Path(__file__).with_name("play.js").read_text()
PLAYED_BEFORE = 1  # second that is not counted: the decoder still warms up
WAIT_MS = 60_000
KINDS = {"Fetch": "answers", "XHR": "answers", "EventSource": "answers", "Media": "video"}

Figures = dict[str, float]


class Traffic:
    """The bytes that came over the network, heads and all, since `begin`: by what asked for them."""

    def __init__(self, session: CDPSession) -> None:
        self._kinds: dict[str, str] = {}
        self._bytes: dict[str, int] = {}
        session.on("Network.requestWillBeSent", self._asked)
        session.on("Network.responseReceived", self._answered)
        session.on("Network.dataReceived", self._came)
        session.send("Network.enable")

    def begin(self) -> None:
        self._bytes.clear()

    def kilobytes(self) -> dict[str, float]:
        return {kind: size / 1000 for kind, size in self._bytes.items()}

    def _asked(self, event: dict[str, Any]) -> None:
        self._kinds[event["requestId"]] = KINDS.get(event["type"], "page")

    def _answered(self, event: dict[str, Any]) -> None:
        self._add(event["requestId"], event["response"].get("encodedDataLength", 0))

    def _came(self, event: dict[str, Any]) -> None:
        self._add(event["requestId"], event["encodedDataLength"])

    def _add(self, request: str, size: float) -> None:
        kind = self._kinds.get(request, "page")
        self._bytes[kind] = self._bytes.get(kind, 0) + int(size)


def open_job(page: Page, url: str) -> Figures:
    """Navigate; ms until the first boxes, the plot, both."""
    page.goto(url, wait_until="commit")
    # Not wait_for_function: the page's security policy lets no text be run.
    boxes, plot = page.evaluate(
        """async milliseconds => {
          while (noted.boxes === null || noted.plot === null) {
            if (performance.now() > milliseconds) throw new Error(`not opened: ${JSON.stringify(noted)}`);
            await new Promise((done) => setTimeout(done, 20));
          }
          return [noted.boxes, noted.plot];
        }""",
        WAIT_MS,
    )
    return {"boxes": boxes, "plot": plot, "both": max(boxes, plot)}


def scrub(page: Page, seconds: float = 1.5) -> Figures:
    """Drag over the whole seek bar and rest; ms until the boxes of the place are there, and the longest time without
    a frame of the page on the way."""
    bar = page.locator(".seek-bar").bounding_box()
    assert bar is not None
    y, steps = bar["y"] + bar["height"] / 2, 60
    page.mouse.move(bar["x"] + 0.05 * bar["width"], y)
    page.evaluate("noted.longest = 0")
    page.mouse.down()
    for step in range(steps):
        page.mouse.move(bar["x"] + bar["width"] * (0.05 + 0.8 * step / steps), y)
        time.sleep(seconds / steps)
    rested = page.evaluate("performance.now()")
    page.mouse.up()
    there = page.evaluate(
        """async frameMs => {
          const canvas = document.querySelector("canvas[data-frame]");
          const bar = document.querySelector(".seek-bar");
          const away = () => Math.abs(Number(canvas.dataset.frame) * frameMs - Number(bar.ariaValueNow));
          for (;;) {
            const exact = canvas.dataset.boxes > 0 && canvas.dataset.held === "false";
            if (exact && away() < 2 * frameMs) return performance.now();
            await new Promise(requestAnimationFrame);
          }
        }""",
        1000 / RATE,
    )
    return {"boxes": there - rested, "longest": page.evaluate("noted.longest")}


def zoom(page: Page) -> Figures:
    """Look closer at the plot: ms until it is drawn anew from the series of that part."""
    took = page.evaluate(
        """async () => {
          const plot = document.querySelector(".plot");
          const before = plot.ariaLabel;
          const began = performance.now();
          document.querySelector("button[aria-label^='Zoom in']").click();
          while (plot.ariaLabel === before) await new Promise(requestAnimationFrame);
          await new Promise(requestAnimationFrame);
          return performance.now() - began;
        }"""
    )
    return {"plot": took}


def play(page: Page, session: CDPSession, seconds: float) -> Figures:
    """Play the video of a document: pictures a second that the browser presented, those of which it told the document,
    and the frames whose boxes were drawn, all in the same time; and ms of the main thread per picture."""
    session.send("Performance.enable")
    busy = _busy(session)
    played = page.evaluate(PLAY, seconds)
    spent = _busy(session) - busy
    return {**played, "main thread, ms a picture": 1000 * spent / (PLAYED_BEFORE + seconds) / max(1, played["told"])}


def _busy(session: CDPSession) -> float:
    """Seconds that the main thread has worked."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return float(next(item["value"] for item in metrics if item["name"] == "TaskDuration"))
