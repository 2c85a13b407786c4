"""The player of the page in a real browser, with videos that are harder to play than most."""

from collections.abc import Callable
from fractions import Fraction
from itertools import accumulate, cycle, islice
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.browsing import (
    is_drawn,
    numbers_while_playing,
    register,
    shown_while_playing,
    step_to,
    tidy,
)
from tests.support.deployments.service import Service
from tests.support.videos.formats import NUMBER_BITS, encode, remux
from tests.support.videos.sample_variants import recoded, still
from tests.support.waiting import until

FRAMES = 60
EVEN = list(range(FRAMES))
UNEVEN = list(islice(accumulate(cycle((1, 3, 2, 1, 5)), initial=0), FRAMES))
# What browsers and results say of a time is rounded on its own.
SAME_MS = 2
HALF_A_FRAME_MS = 20
SMALL = (192, 144)
FLV_HEADER_BYTES = 13
WAIT_MS = 120_000


@pytest.mark.parametrize(
    ("name", "codec", "times", "clockwise"),
    [
        ("copied.avi", "mpeg4", EVEN, 0),
        ("rotated.mp4", "libx264", EVEN, 90),
        ("uneven.mp4", "libx264", UNEVEN, 0),
    ],
    ids=["avi", "rotated", "uneven"],
)
def test_each_displayed_frame_has_its_own_boxes(
    service: Service,
    page: Page,
    sample: Path,
    tmp_path: Path,
    name: str,
    codec: str,
    times: list[int],
    clockwise: int,
) -> None:
    client = register(page, service)
    # Without the faint ones, of which one may lie under the name of another.
    job = client.detect(recoded(sample, tmp_path / name, codec, times, clockwise), options={"min_score": 0.5})
    video = client.call("GET", f"/videos/{job['video_id']}", 200)
    media = video["media"]
    assert (media["rotation"], media["variable_fps"]) == (clockwise, times is UNEVEN)
    frames = {frame["frame"]: frame for frame in client.frames(job)}
    assert len(frames) == FRAMES
    page.goto(f"{service.url}/jobs/{job['id']}")
    canvas = page.locator("canvas[data-frame]")
    expect(canvas).to_have_attribute("data-frame", "0", timeout=WAIT_MS)
    is_a_copy = "/renditions/playable" in str(page.locator("video").get_attribute("src"))
    assert is_a_copy == (codec == "mpeg4")
    assert page.locator("video").evaluate("video => [video.videoWidth, video.videoHeight]") == [480, 360]
    for number in (1, 8):
        step_to(page, number)
        expect(canvas).to_have_attribute("data-boxes", str(len(frames[number]["detections"])))
        assert frames[number]["detections"]
        for found in frames[number]["detections"]:
            assert is_drawn(page, found), (number, found)
    the_pictures_are_those_of_the_frames(page, frames)
    tidy(client)


def the_pictures_are_those_of_the_frames(page: Page, frames: dict[int, dict[str, Any]]) -> None:
    """While it plays, slowly, so that a busy machine shows each picture."""
    page.get_by_label("Speed").select_option("0.5")
    seen = shown_while_playing(page, 12)
    assert len({number for _, number, _ in seen}) >= 3, "it does not play"
    for ms, number, boxes in seen:
        assert abs(frames[number]["time_ms"] - ms) < SAME_MS, "the boxes of another frame"
        assert boxes == len(frames[number]["detections"])


def trimmed() -> bytes:
    """An edit list leaves out the first ten frames."""
    whole = encode("matroska", "libx264", frames=36, first=0, size=SMALL, b_frames=2)
    return remux(whole, "mp4", shift=Fraction(-10, 25), muxing={"avoid_negative_ts": "disabled"}).content


def restarted() -> bytes:
    """A recorder that was started twice."""
    one, other = (encode("flv", "libx264", frames=12, first=first, size=SMALL, b_frames=2) for first in (0, 12))
    return one.content + other.content[FLV_HEADER_BYTES:]


# What is made, the number that frame 0 shows, and whether browsers need a copy.
CLOCKS: dict[str, tuple[Callable[[], bytes], int, bool]] = {
    "late.mp4": (
        lambda: encode("mp4", "libx264", times=range(10, 34), first=0, size=SMALL, b_frames=2).content,
        0,
        False,
    ),
    "late.webm": (lambda: encode("webm", "libvpx", times=range(10, 34), first=0, size=SMALL).content, 0, False),
    "trimmed.mp4": (trimmed, 10, False),
    "late.ts": (
        lambda: encode("mpegts", "libx264", times=range(250, 274), first=0, size=SMALL, b_frames=2).content,
        0,
        True,
    ),
    "restarted.flv": (restarted, 0, True),
}


def test_the_player_and_the_results_have_one_clock(service: Service, page: Page, tmp_path: Path) -> None:
    client = register(page, service)
    jobs = {}
    for name, (make, _, _) in CLOCKS.items():
        (tmp_path / name).write_bytes(make())
        jobs[name] = client.start(client.upload(tmp_path / name))
    for name, (_, shown_first, copied) in CLOCKS.items():
        job = client.wait(jobs[name])
        times = {frame["frame"]: frame["time_ms"] for frame in client.frames(job)}
        page.goto(f"{service.url}/jobs/{job['id']}")
        expect(page.locator("canvas[data-frame]")).to_have_attribute("data-frame", "0", timeout=WAIT_MS)
        assert ("/renditions/playable" in str(page.locator("video").get_attribute("src"))) == copied, name
        seen = numbers_while_playing(page, 8, NUMBER_BITS)
        assert len({number for _, _, number in seen}) >= 3, f"{name} does not play"
        for ms, frame, number in seen:
            assert frame == number - shown_first, f"{name}: the page takes a picture for another frame"
            assert abs(times[frame] - ms) < HALF_A_FRAME_MS, (name, frame)
    tidy(client)


def test_that_nothing_was_detected_is_said_when_it_is_known(service: Service, page: Page, sample: Path) -> None:
    client = register(page, service)
    job = client.detect(sample, options={"end_ms": 200, "min_score": 1})
    asked: list[Route] = []
    page.route("**/summary", lambda route: asked.append(route))
    page.goto(f"{service.url}/jobs/{job['id']}")
    labels = page.locator(".filters")
    expect(labels).to_contain_text("Loading…")
    until(lambda: page.evaluate("1") and asked)
    asked.pop().fulfill(status=503)
    expect(labels).to_contain_text("The labels are not available: The server responded with status 503.")
    expect(page.locator(".summary")).to_contain_text("The summary is not available: The server responded")
    page.reload()
    until(lambda: page.evaluate("1") and asked)
    asked.pop().continue_()
    expect(labels).to_contain_text("Nothing was detected in this video.")
    tidy(client)


def test_running_job_shows_boxes_of_finished_frames(service: Service, page: Page, sample: Path, tmp_path: Path) -> None:
    client = register(page, service)
    job = client.start(client.upload(still(sample, tmp_path / "long.mp4", 12_000)))
    page.goto(f"{service.url}/jobs/{job['id']}")
    canvas = page.locator("canvas[data-frame]")
    expect(canvas).to_have_attribute("data-frame", "0", timeout=WAIT_MS)
    expect(canvas).not_to_have_attribute("data-boxes", "0", timeout=WAIT_MS)
    assert client.job(job)["finished_at"] is None, "it was too short for this test"
    first = client.call("GET", f"/jobs/{job['id']}/results", 200, params={"limit": 1})["frames"][0]
    expect(canvas).to_have_attribute("data-boxes", str(len(first["detections"])))
    # Where it has not come yet, that is said, and no box is shown.
    page.locator(".seek-bar").focus()
    page.keyboard.press("End")
    expect(page.get_by_text("Not processed yet")).to_be_visible()
    expect(canvas).to_have_attribute("data-boxes", "0")
    assert client.job(job)["finished_at"] is None
    tidy(client)
