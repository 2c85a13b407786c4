"""The page in browsers that are not Chromium: Firefox, and WebKitGTK, which shares its engine with Safari."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.browsers.firefox import running_firefox
from tests.support.browsers.webdriver import Driver
from tests.support.browsers.webkit import running_webkit
from tests.support.browsing import PASSWORD, shown_while_playing
from tests.support.deployments.service import Client, Service

pytestmark = pytest.mark.browsers

# WebKit paints few a second where no graphics card is there, and the machine is busy.
PICTURES = {"Firefox": 6, "WebKitGTK": 1}
SAME_MS = 2
# Of a stream, the API gives three decimals.
SAME_STREAM_MS = 0.5
# WebKit has a media source that it manages itself, which an iPhone has alone.
MEDIA_SOURCES = {"Firefox": "MediaSource", "WebKitGTK": "ManagedMediaSource"}
NO_CAMERA = {"Firefox": "cannot send H.264", "WebKitGTK": "it has no WebRTC"}


@pytest.fixture(params=["firefox", "webkit"])
def browser(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Driver]:
    with running_firefox(tmp_path) if request.param == "firefox" else running_webkit() as driver:
        print(f"{driver.name} {driver.version}")
        yield driver


def test_a_video_and_a_stream_are_seen_with_their_boxes(browser: Driver, service: Service, sample: Path) -> None:
    client = sign_up(browser, service)
    notice_errors(browser)
    browser.choose_file(sample.resolve())
    browser.wait_for("() => document.querySelector('a[href^=\"/jobs/\"]')")
    (job,) = client.call("GET", "/jobs", 200)["items"]
    client.wait(job)
    browser.evaluate("() => document.querySelector('a[href^=\"/jobs/\"]').click()")
    each_frame_has_its_boxes(browser, client, job)
    for page in ("Search", "Alerts", "Live"):
        browser.press(page, "nav a")
        browser.find("h1", page)
    add_the_video_as_a_stream(browser)
    each_picture_has_its_boxes(browser, client)
    browser.press("Add camera")
    browser.wait_for(
        f"() => document.querySelector('dialog').innerText.includes({json.dumps(NO_CAMERA[browser.name])})"
    )
    assert browser.evaluate("() => window.wrong") == []
    (stream,) = client.call("GET", "/streams", 200)["items"]
    client.call("DELETE", f"/streams/{stream['id']}", 204)


def sign_up(browser: Driver, service: Service) -> Client:
    """A client of the API with the same user."""
    name = f"page-{uuid.uuid4().hex[:8]}"
    browser.open(service.url)
    browser.press("Create an account")
    browser.fill("Username", name)
    browser.fill("Password", PASSWORD)
    browser.press("Create account")
    browser.find("h1", "Videos")
    return Client(service.url).login(name, PASSWORD)


def notice_errors(browser: Driver) -> None:
    """Those of scripts, and which media sources are made."""
    browser.evaluate(
        """() => {
          window.wrong = [];
          window.made = [];
          addEventListener("error", ({ message }) => window.wrong.push(message));
          addEventListener("unhandledrejection", ({ reason }) => window.wrong.push(String(reason)));
          for (const kind of ["MediaSource", "ManagedMediaSource"]) {
            if (!window[kind]) continue;
            const construct = (...given) => {
              window.made.push(kind);
              return Reflect.construct(...given);
            };
            window[kind] = new Proxy(window[kind], { construct });
          }
        }"""
    )


def each_frame_has_its_boxes(browser: Driver, client: Client, job: dict[str, Any]) -> None:
    frames = {frame["frame"]: frame for frame in client.frames(job)}
    browser.wait_for("() => document.querySelector('canvas[data-frame]:not([data-frame=\"\"])')")
    pictures = PICTURES[browser.name]
    seen = shown_while_playing(browser, pictures)
    assert len({frame for _, frame, _ in seen}) >= pictures
    for ms, frame, boxes in seen:
        assert abs(frames[frame]["time_ms"] - ms) < SAME_MS
        assert boxes == len(frames[frame]["detections"])


def add_the_video_as_a_stream(browser: Driver) -> None:
    browser.press("Add camera")
    browser.press("A stored video")
    browser.fill("Name", "Loop")
    browser.press("Add")
    browser.find("a", "Loop")


def each_picture_has_its_boxes(browser: Driver, client: Client) -> None:
    (stream,) = client.call("GET", "/streams", 200)["items"]
    browser.wait_for("() => document.querySelector('canvas[data-time]:not([data-boxes=\"0\"])')")
    pictures = browser.evaluate(
        """(count) => new Promise((done, fail) => {
          const video = document.querySelector("video");
          const boxes = document.querySelector("canvas[data-time]");
          const seen = [];
          setTimeout(() => fail(new Error(`only ${seen.length} pictures have boxes of their own`)), 250000);
          video.requestVideoFrameCallback(function look(_now, picture) {
            if (seen.length >= count) return done(seen);
            video.requestVideoFrameCallback(look);
            // After the page's own callback for the same picture.
            queueMicrotask(() => {
              const { frame, held } = boxes.dataset;
              if (frame && held === "false") seen.push({ ...boxes.dataset, ms: picture.mediaTime * 1000 });
            });
          });
        })""",
        PICTURES[browser.name],
    )
    page = client.call("GET", f"/streams/{stream['id']}/results", 200, params={"limit": 5000})
    results = {frame["frame"]: frame for frame in page["frames"]}
    for picture in pictures:
        result = results[int(picture["frame"])]
        assert abs(result["time_ms"] - picture["ms"]) < SAME_STREAM_MS, "the boxes of another frame"
        assert int(picture["boxes"]) == len(result["detections"])
    assert set(browser.evaluate("() => window.made")) == {MEDIA_SOURCES[browser.name]}
