"""How late the picture of a stream is on the screen, with its boxes: the web UI in a real browser over a whole service.

    make bench-view [SECONDS=20]

From a frame's arrival at the ingest to its display by Chromium without a window and without a GPU, told by the browser
for each picture (requestVideoFrameCallback); both have the clock of this machine. The cameras are a stored video of
640x480 with 25 frames/s in a loop, and the browser's own (fake) webcam by WHIP. The page waits with a picture for its
boxes, so it is measured without a detector, with one that keeps up, and with the default model; then 16 tiles at once.
"""

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Locator, Page, WebSocket, expect

from benchmarks.clip import SAMPLE
from benchmarks.live_service import LiveService, add_stream, beside, percent, percentiles, seconds_of, upload_camera
from benchmarks.report import full, record, table
from tests.support.browsing import register
from tests.support.chromium import running_chromium
from tests.support.deployments.service import Client
from tests.support.live.fake_webcam import webcam_flags, write_pictures
from tests.support.models import tiny_model

LOOK = Path(__file__).with_name("live_view.js").read_text()
LOOK_AT_ALL = f"(tiles, seconds) => Promise.all(tiles.map((tile) => ({LOOK})(tile, seconds)))"
FPS, WALL_FPS, TILES = 25, 5, 16
WARM_SECONDS = 5
WAIT_MS = 120_000
GOAL_MS = 120.0
WITH_BOXES = "canvas[data-time]:not([data-time='']):not([data-boxes='0'])"
WITH_PICTURE = "canvas[data-time]:not([data-time=''])"

Figures = dict[str, Any]


class Wall:
    """The page with the tiles, of one user. lost: WebSockets of streams that were closed."""

    def __init__(self, service: LiveService, page: Page) -> None:
        self.service, self.page = service, page
        self.client: Client = register(page, service.running)
        self.lost = 0
        page.on("websocket", self._opened)

    def tile(self, name: str) -> Locator:
        """Of a stream."""
        return self.page.get_by_role("listitem").filter(has=self.page.get_by_role("link", name=name, exact=True))

    def open(self, names: Sequence[str], seen: str) -> list[Locator]:
        """Go to the wall, and wait until each of these streams is seen."""
        self.page.goto(f"{self.service.url}/live")
        tiles = [self.tile(name) for name in names]
        for tile in tiles:
            expect(tile.locator(seen)).to_have_count(1, timeout=WAIT_MS)
        time.sleep(WARM_SECONDS)
        self.lost = 0
        return tiles

    def clear(self) -> None:
        """Delete all streams."""
        self.page.goto("about:blank")
        for stream in self.client.call("GET", "/streams", 200)["items"]:
            self.client.call("DELETE", f"/streams/{stream['id']}", 204)

    def _opened(self, socket: WebSocket) -> None:
        def closed(_: WebSocket) -> None:
            self.lost += 1

        socket.on("close", closed)


def look(wall: Wall, tile: Locator, stream: str, seconds: float) -> Figures:
    """What is seen of a stream."""
    return seen_of(wall, stream, tile.evaluate(LOOK, seconds), seconds)


def seen_of(wall: Wall, stream: str, seen: list[Any], seconds: float) -> Figures:
    """Figures of the pictures of a stream that came onto the screen."""
    arrivals = wall.service.arrivals(stream)
    came = [(arrivals.of(ms), displayed, own) for ms, displayed, own in seen]
    delays = [displayed - 1000 * arrived for arrived, displayed, _ in came if arrived is not None]
    p50, p95 = percentiles(delays or [float("inf")])
    own = sum(own for *_, own in came) / max(1, len(came))
    return {"p50_ms": p50, "p95_ms": p95, "fps": len(seen) / seconds, "own": own}


@contextmanager
def suspended(processes: Sequence[psutil.Process]) -> Iterator[None]:
    """Held still for the length of the context."""
    for one in processes:
        one.suspend()
    try:
        yield
    finally:
        for one in processes:
            one.resume()


def single(wall: Wall, video: str, seconds: float) -> dict[str, Figures]:
    """One stream on the page."""
    found: dict[str, Figures] = {}

    def stored(model: str, seen: str) -> Figures:
        stream = add_stream(wall.client, "Loop", video, model)
        (tile,) = wall.open(["Loop"], seen)
        figures = look(wall, tile, stream, seconds)
        wall.clear()
        return figures

    with suspended(wall.service.processes("live detector")[:1]):
        found["stored video, no boxes"] = stored(tiny_model.ID, WITH_PICTURE)
    found["stored video, boxes"] = stored(tiny_model.ID, WITH_BOXES)
    found["webcam, boxes"] = webcam(wall, seconds)
    found["stored video, default model"] = stored("nanodet-g", WITH_BOXES)
    return found


def webcam(wall: Wall, seconds: float) -> Figures:
    """The webcam of the browser, sent and seen by the same page."""
    page = wall.page
    page.goto(f"{wall.service.url}/live")
    page.get_by_role("button", name="Add camera").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("This device's camera", exact=True).click()
    dialog.get_by_label("Name", exact=True).fill("Desk")
    dialog.get_by_role("button", name="Add", exact=True).click()
    tile = wall.tile("Desk")
    expect(tile.locator(WITH_BOXES)).to_have_count(1, timeout=WAIT_MS)
    time.sleep(2 * WARM_SECONDS)  # the browser begins with small pictures
    (stream,) = wall.client.call("GET", "/streams", 200)["items"]
    figures = look(wall, tile, stream["id"], seconds)
    wall.clear()
    return figures


def many(wall: Wall, video: str, seconds: float) -> Figures:
    """So many tiles at once, and what they cost."""
    names = [f"Camera {number}" for number in range(1, TILES + 1)]
    streams = [add_stream(wall.client, name, video) for name in names]
    wall.open(names, WITH_BOXES)
    before, began = _cpu(wall.service), time.monotonic()
    seen = wall.page.locator("li.tile").evaluate_all(LOOK_AT_ALL, seconds)
    used = percent(before, _cpu(wall.service), time.monotonic() - began)
    newest_first = zip(reversed(streams), seen, strict=True)
    each = [seen_of(wall, stream, pictures, seconds) for stream, pictures in newest_first]
    figures = {
        "p95_ms": max(one["p95_ms"] for one in each),
        "fps": [one["fps"] for one in each],
        "own": min(one["own"] for one in each),
        "lost_sockets": wall.lost,
        "cpu_percent": used,
    }
    wall.clear()
    return figures


def _cpu(service: LiveService) -> dict[str, float]:
    browser = [one for one in psutil.Process().children(recursive=True) if "chromium" in one.name()]
    return service.cpu() | {"browser": seconds_of(browser)}


def show(found: dict[str, Figures]) -> None:
    """Print figures of one stream beside their goals."""
    rows = [
        (
            name,
            f"{one['p50_ms']:.0f} / {one['p95_ms']:.0f} ms",
            "" if "default" in name else beside(one["p95_ms"] <= GOAL_MS, f"<= {GOAL_MS:.0f} ms"),
            f"{one['fps']:.1f}",
            f"{100 * one['own']:.0f} %",
        )
        for name, one in found.items()
    ]
    table(("from arrival to the screen", "p50 / p95", "goal", "pictures/s", "with their boxes"), rows)
    print()


def show_wall(wall: Figures) -> None:
    """Print figures of all tiles beside their goals."""
    least, most = min(wall["fps"]), max(wall["fps"])
    parts = wall["cpu_percent"].items()
    rows = [
        ("p95 of the slowest tile", f"{wall['p95_ms']:.0f} ms", ""),
        ("pictures/s of each tile", f"{least:.1f} to {most:.1f}", f"of {WALL_FPS}"),
        ("pictures with their own boxes, least", f"{100 * wall['own']:.0f} %", ""),
        ("WebSockets lost", f"{wall['lost_sockets']}", beside(wall["lost_sockets"] == 0, "= 0")),
        *((f"CPU of {part}", f"{share:.0f} % of a core", "") for part, share in parts),
    ]
    table((f"{TILES} tiles", "measured", "goal"), rows)


def main(seconds: float) -> None:
    """Entry point."""
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="bench-view-") as name:
        folder = Path(name)
        camera = write_pictures(SAMPLE, 0, 120, folder / "webcam.y4m")
        settings = {"DEFAULT_MODEL": tiny_model.ID}
        with LiveService(folder, **settings) as service, running_chromium(*webcam_flags(camera)) as browser:
            wall = Wall(service, browser.new_page(viewport={"width": 1600, "height": 2000}))
            print(f"640x480, {FPS} frames/s, {seconds:.0f} s each")
            found = single(wall, upload_camera(wall.client, folder, FPS), seconds)
            show(found)
            tiles = many(wall, upload_camera(wall.client, folder, WALL_FPS), seconds)
    load = [round(before, 1), round(os.getloadavg()[0], 1)]
    show_wall(tiles)
    print(f"load before and after: {load}")
    record("live_view", {"seconds": seconds, "load": load, "single": found, "wall": tiles})


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1] else (60.0 if full() else 20.0))
