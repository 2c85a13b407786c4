"""What it is like to look at a long result: the page in a real browser, over a service that runs.

    make bench-page [FRAMES=200000] [ROUNDS=5]

Chromium without a window and without a GPU opens a job of so many frames with 10 objects each, moves in it, and
plays a clip of 20 s with 30 frames/s and 50 objects in each frame. Videos are uploaded over the API, results are put
in place as the service would hold them (benchmarks/longjob.py).
"""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from benchmarks import clip
from benchmarks.long_jobs import viewing
from benchmarks.long_jobs.longjob import place
from benchmarks.report import record, spread, table, told
from tests.support.browsing import CHROMIUM, FLAGS, register
from tests.support.deployments.embedded import Embedded

OBJECTS, CROWD = 10, 50
PLAYED_SECONDS, PLAYED_RATE = 20, 30
OPENED_MS = 2000  # at most
_SMALL, _USUAL = (64, 36), (640, 360)

Rounds = dict[str, list[float]]


def measure(frames: int, rounds: int, folder: Path) -> dict[str, Any]:
    """The figures of opening, moving and playing."""
    loop = clip.encode(folder / "loop.mp4", 1000, _SMALL)
    long = clip.repeat(loop, folder / "long.mp4", frames // 1000)
    crowd = clip.encode(folder / "crowd.mp4", PLAYED_RATE * (PLAYED_SECONDS + 3), _USUAL, rate=PLAYED_RATE)
    service = Embedded(folder / "data").start()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
            page = browser.new_page(viewport={"width": 1280, "height": 1000})
            client = register(page, service)
            job = place(service, client, long, OBJECTS)
            watched = place(service, client, crowd, CROWD)
            page.add_init_script(viewing.WATCH)
            figures = _looked(page, f"{service.url}/jobs/{job['id']}", rounds)
            figures["played"] = _played(page, service, watched, rounds)
            browser.close()
    finally:
        service.stop()
    return figures


def _looked(page: Page, url: str, rounds: int) -> dict[str, Any]:
    """Opened for the first time, opened again, and moved in; a first round is not counted."""
    session = page.context.new_cdp_session(page)
    traffic = viewing.Traffic(session)
    opened: dict[str, Rounds] = {"first visit": {}, "again": {}}
    fetched: dict[str, Rounds] = {"first visit": {}, "again": {}}
    moved: Rounds = {}
    for number in range(rounds + 1):
        for name in opened:
            page.goto("about:blank")
            if name == "first visit":
                session.send("Network.clearBrowserCache")
            traffic.begin()
            times = viewing.open_job(page, url)
            if number:
                _add(opened[name], times)
                _add(fetched[name], traffic.kilobytes())
        scrubbed = {f"scrub, {name}": value for name, value in viewing.scrub(page).items()}
        zoomed = {f"zoom, {name}": value for name, value in viewing.zoom(page).items()}
        if number:
            _add(moved, {**scrubbed, **zoomed})
    return {"opened": opened, "fetched": fetched, "moved": moved}


def _played(page: Page, service: Embedded, job: dict[str, Any], rounds: int) -> dict[str, Rounds]:
    """The page with its boxes, and the file alone in the same browser, by turns."""
    session = page.context.new_cdp_session(page)
    played: dict[str, Rounds] = {"with boxes": {}, "the file alone": {}}
    for _ in range(min(rounds, 3)):
        viewing.open_job(page, f"{service.url}/jobs/{job['id']}")
        _add(played["with boxes"], viewing.play(page, session, PLAYED_SECONDS))
        page.goto(f"{service.url}/api/v1/videos/{job['video_id']}/content")
        _add(played["the file alone"], viewing.play(page, session, PLAYED_SECONDS))
    return played


def _add(rounds: Rounds, values: dict[str, float]) -> None:
    for name, value in values.items():
        rounds.setdefault(name, []).append(value)


def main(frames: int, rounds: int) -> None:
    """Entry point."""
    if not CHROMIUM.exists():
        sys.exit(f"{CHROMIUM} is not installed: tools/install-debian-packages installs it")
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="bench-pageview-") as folder:
        found = measure(frames, rounds, Path(folder))
    load = [round(before, 1), round(os.getloadavg()[0], 1)]
    print(f"{frames:,} frames x {OBJECTS} objects; rounds: {rounds}; load before and after: {load}")
    rows = [
        (
            name,
            *(told(times[what], 0) for what in ("boxes", "plot", "both")),
            f"{max(times['both']):.0f}",
            *(f"{found['fetched'][name].get(kind, [0])[-1]:.0f}" for kind in ("page", "answers", "video")),
        )
        for name, times in found["opened"].items()
    ]
    table(("opened", "first boxes, ms", "plot, ms", "both, ms", "most", "page, kB", "answers, kB", "video, kB"), rows)
    table(("moved", "ms"), [(name, told(values, 0)) for name, values in found["moved"].items()])
    played = found["played"]
    rows = [(name, *(told(alone[name]) for alone in played.values())) for name in played["with boxes"]]
    table((f"{PLAYED_RATE} frames/s, {CROWD} boxes each", *played), rows)
    most = max(found["opened"]["first visit"]["both"])
    print(f"opened in less than {OPENED_MS} ms: {'met' if most < OPENED_MS else 'MISSED'}")
    boxes = played["with boxes"]
    in_step = max(one - other for one, other in zip(boxes["told"], boxes["updates"], strict=True)) < 0.5
    print(f"boxes for each picture that the page was told of: {'met' if in_step else 'MISSED'}")
    opened = {
        f"{name}, {what}, ms": spread(values)
        for name, times in found["opened"].items()
        for what, values in times.items()
    }
    kilobytes = {
        f"{name}, {kind}, kB": spread(values)
        for name, kinds in found["fetched"].items()
        for kind, values in kinds.items()
    }
    moved = {f"{name}, ms": spread(values) for name, values in found["moved"].items()}
    playing = {
        f"played {how}, {name}": spread(values) for how, named in played.items() for name, values in named.items()
    }
    record(
        "pageview",
        {
            "frames": frames,
            "objects": OBJECTS,
            "load": load,
            **opened,
            **kilobytes,
            **moved,
            **playing,
        },
    )


if __name__ == "__main__":
    main(int(sys.argv[1] or 200_000), int(sys.argv[2] or 5))
