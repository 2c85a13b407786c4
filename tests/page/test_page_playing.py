"""The player of the page in a real browser, with videos that are harder to play than most."""

from itertools import accumulate, cycle, islice
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.browsing import is_drawn, register, shown_while_playing, step_to, tidy
from tests.support.deployments.service import Service
from tests.support.videos.sample_variants import recoded, still

FRAMES = 60
EVEN = list(range(FRAMES))
UNEVEN = list(islice(accumulate(cycle((1, 3, 2, 1, 5)), initial=0), FRAMES))
# What browsers and results say of a time is rounded on its own.
SAME_MS = 2
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
    job = client.detect(recoded(sample, tmp_path / name, codec, times, clockwise))
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
    seen = shown_while_playing(page, 3000)
    assert len({number for _, number, _ in seen}) >= 3, "it does not play"
    for ms, number, boxes in seen:
        assert abs(frames[number]["time_ms"] - ms) < SAME_MS, "the boxes of another frame"
        assert boxes == len(frames[number]["detections"])


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
