"""The Live page in a real browser: streams are added, seen with their boxes, and deleted."""

import re
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image
from playwright.sync_api import Locator, Page, Route, expect

from tests.page.conftest import WEBCAM_FRAME
from tests.support.browsing import register, tidy
from tests.support.deployments.service import Client, Service
from tests.support.reference import iou
from tests.support.waiting import until

THUMB = (24, 18)
PICTURES = 6  # with boxes of their own: over several scenes, also with a slow detector
# The clock of the stream has 90 ticks in a millisecond, and the API gives three decimals.
SAME_MS = 0.5
LEAST_IOU = 0.5
MOST_WRONG = 0.1  # of the frames: the detector itself is sometimes wrong


def test_streams_are_seen_with_their_boxes_until_they_are_deleted(
    service: Service, page: Page, sample: Path, truth: dict[str, Any]
) -> None:
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    client = register(page, service)
    client.upload(sample)
    page.get_by_role("link", name="Live", exact=True).click()
    expect(page.get_by_text("No cameras yet")).to_be_visible()

    lost = add(page, "Network camera", "Gate", "rtsp://camera.invalid/stream")
    loop = add(page, "A stored video", "Loop")
    pictures = shown(loop)
    results = results_of(client, loop)
    each_picture_has_its_own_boxes(pictures, results)
    the_boxes_are_on_the_right_things(pictures, results, thumbs(sample), truth)
    webcam = add(page, "This device's camera", "Desk")
    the_webcam_shows_its_boxes(webcam, client, truth)
    expect(lost.get_by_text("The camera does not answer")).to_be_visible()

    for tile in (webcam, loop, lost):
        tile.get_by_role("button", name="Actions for").click()
        page.get_by_role("menuitem", name="Delete…").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        expect(tile).to_have_count(0)
    assert client.call("GET", "/streams", 200)["items"] == []
    assert wrong == []
    tidy(client)


def test_a_camera_that_finds_no_way_to_the_service_says_what_to_try(service: Service, page: Page) -> None:
    client = register(page, service)
    page.route("**/whip", without_a_way)
    page.get_by_role("link", name="Live", exact=True).click()
    desk = add(page, "This device's camera", "Desk")
    expect(desk.get_by_text("The camera is not sent")).to_be_visible()
    expect(desk.get_by_text("finds no way to the service")).to_be_visible()
    expect(desk.get_by_text("TURN server")).to_be_visible()
    page.unroute("**/whip")
    expect(desk.locator("canvas[data-time]:not([data-time=''])")).to_have_count(1)  # it is tried again
    (stream,) = client.call("GET", "/streams", 200)["items"]
    client.call("DELETE", f"/streams/{stream['id']}", 204)


def test_an_edge_of_the_region_stays_while_it_is_typed_and_is_then_one_that_can_be(
    service: Service, page: Page
) -> None:
    client = register(page, service)
    stream = client.call("POST", "/streams", 201, json={"kind": "push", "name": "Yard"})
    page.get_by_role("link", name="Live", exact=True).click()
    page.get_by_role("button", name="Actions for").click()
    page.get_by_role("menuitem", name="Edit…").click()
    dialog = page.get_by_role("dialog")
    right, name = dialog.get_by_label("Right %"), dialog.get_by_label("Name", exact=True)
    for typed, taken in (("40", "40"), ("140", "100"), ("150", "100")):
        right.press("ControlOrMeta+a")
        right.press_sequentially(typed)
        # The form is drawn anew, and the focus stays.
        name.evaluate(
            "field => { field.value += '.'; field.dispatchEvent(new InputEvent('input', { bubbles: true })); }"
        )
        name.evaluate("() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
        expect(right).to_have_value(typed)
        right.press("Tab")
        expect(right).to_have_value(taken)
    client.call("DELETE", f"/streams/{stream['id']}", 204)


def without_a_way(route: Route) -> None:
    """Passwords of ICE that neither side knows: what each sends, the other drops."""
    if route.request.method != "POST":
        route.continue_()
        return
    answer = route.fetch(post_data=unknown_passwords(route.request.post_data or ""))
    route.fulfill(response=answer, body=unknown_passwords(answer.text()))


def unknown_passwords(sdp: str) -> str:
    return re.sub(r"a=ice-pwd:\S+", f"a=ice-pwd:{'0' * 24}", sdp)


def add(page: Page, source: str, name: str, address: str | None = None) -> Locator:
    """Add a stream with the dialog; its tile."""
    page.get_by_role("button", name="Add camera").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text(source, exact=True).click()
    if address:
        dialog.get_by_label("Address", exact=True).fill(address)
    dialog.get_by_label("Name", exact=True).fill(name)
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(dialog).to_have_count(0)
    return page.get_by_role("listitem").filter(has=page.get_by_role("link", name=name, exact=True))


def shown(tile: Locator) -> list[dict[str, Any]]:
    """Some analysed pictures as they come onto the screen: their time in ms, the boxes over them, a small grey copy."""
    expect(tile.locator("canvas[data-time]:not([data-boxes='0'])")).to_have_count(1)
    seen: list[dict[str, Any]] = tile.evaluate(
        """(tile, [count, [width, height]]) => new Promise((done, fail) => {
          const video = tile.querySelector("video");
          const boxes = tile.querySelector("canvas[data-time]");
          const copy = Object.assign(document.createElement("canvas"), { width, height });
          const context = copy.getContext("2d", { willReadFrequently: true });
          const seen = [];
          setTimeout(() => fail(new Error(`only ${seen.length} pictures have boxes of their own`)), 120000);
          video.requestVideoFrameCallback(function look(_now, picture) {
            if (seen.length >= count) return done(seen);
            video.requestVideoFrameCallback(look);
            context.drawImage(video, 0, 0, width, height);
            const { data } = context.getImageData(0, 0, width, height);
            const grey = Array.from({ length: width * height }, (_, i) => data[4 * i + 1]);
            // After the page's own callback for the same picture.
            queueMicrotask(() => {
              const { frame, held } = boxes.dataset;
              if (frame && held === "false") seen.push({ ...boxes.dataset, ms: picture.mediaTime * 1000, grey });
            });
          });
        })""",
        [PICTURES, THUMB],
    )
    return seen


def results_of(client: Client, tile: Locator) -> dict[int, dict[str, Any]]:
    """The stream's results by the number of their frame."""
    stream = str(tile.get_by_role("link").get_attribute("href")).rsplit("/", 1)[-1]
    page = client.call("GET", f"/streams/{stream}/results", 200, params={"limit": 5000})
    return {frame["frame"]: frame for frame in page["frames"]}


def each_picture_has_its_own_boxes(pictures: list[dict[str, Any]], results: dict[int, dict[str, Any]]) -> None:
    for picture in pictures:
        assert abs(float(picture["time"]) - picture["ms"]) < SAME_MS
        result = results[int(picture["frame"])]
        assert abs(result["time_ms"] - picture["ms"]) < SAME_MS, "the boxes of another frame"
        assert int(picture["boxes"]) == len(result["detections"])


def the_boxes_are_on_the_right_things(
    pictures: list[dict[str, Any]],
    results: dict[int, dict[str, Any]],
    grey: np.ndarray[Any, Any],
    truth: dict[str, Any],
) -> None:
    """Which frame of the sample a picture is, is told by its looks."""
    places = {
        scene["first_frame"] + place: (scene["label"], box)
        for scene in truth["scenes"]
        for place, box in enumerate(scene["boxes"])
    }
    good = []
    for picture in pictures:
        frame = int(np.argmin(np.abs(grey - np.array(picture["grey"])).sum(axis=1)))
        if frame in places:
            good.append(best(results[int(picture["frame"])]["detections"], *places[frame]) >= LEAST_IOU)
    assert good, "no picture of a known thing was shown"
    assert good.count(False) <= MOST_WRONG * len(good)


def the_webcam_shows_its_boxes(tile: Locator, client: Client, truth: dict[str, Any]) -> None:
    scene = next(one for one in truth["scenes"] if one["first_frame"] <= WEBCAM_FRAME <= one["last_frame"])
    box = scene["boxes"][WEBCAM_FRAME - scene["first_frame"]]
    expect(tile.locator("canvas[data-time]:not([data-boxes='0']):not([data-boxes=''])")).to_have_count(1)
    # The browser sends a smaller picture while the connection is new, or the machine busy.
    boxes = [[side * share for side in box] for share in (1, 3 / 4, 1 / 2)]

    def overlap() -> float:
        results = results_of(client, tile).values()
        return max(best(frame["detections"], scene["label"], box) for frame in results for box in boxes)

    until(lambda: overlap() >= LEAST_IOU)


def best(detections: list[dict[str, Any]], label: str, box: list[float]) -> float:
    """The best overlap of a detection of a label with a box."""
    return max((float(iou(found["box"], box)) for found in detections if found["label"] == label), default=0)


def thumbs(video: Path) -> np.ndarray[Any, Any]:
    """A small grey copy of each frame, one per row."""
    with av.open(str(video)) as reader:
        frames = [frame.to_ndarray(format="rgb24") for frame in reader.decode(video=0)]
    return np.array([np.asarray(Image.fromarray(frame).resize(THUMB), np.int32)[:, :, 1].ravel() for frame in frames])
