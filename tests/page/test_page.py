"""The page in a real browser: the way of a new user from the account to the exports, held against the API."""

import json
import re
from pathlib import Path
from typing import Any

import av
import pandas as pd
from playwright.sync_api import Download, Locator, Page, expect
from pycocotools.coco import COCO

from tests.support.browsing import drop, is_drawn, register, shown_while_playing, step_to
from tests.support.deployments.service import Client, Service
from tests.support.waiting import until

WAIT_MS = 120_000


def test_whole_workflow_from_registration_to_export(
    service: Service, page: Page, sample: Path, tmp_path: Path, truth: dict[str, Any]
) -> None:
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on(
        "request",
        lambda request: (
            None if request.url.startswith((service.url, "data:", f"blob:{service.url}")) else wrong.append(request.url)
        ),
    )
    client = register(page, service)
    drop(page, sample)
    row = page.get_by_role("listitem").filter(has=page.get_by_role("link", name=sample.name, exact=True))
    moved = progress_until_done(row)
    assert moved == sorted(moved), "the progress went back"
    assert len(set(moved)) >= 3, f"the progress did not move: {moved}"
    job = client.call("GET", "/jobs", 200)["items"][0]
    assert job["video"]["name"] == sample.name

    row.get_by_role("link", name=sample.name, exact=True).click()
    page.wait_for_url(f"**/jobs/{job['id']}")
    frames = client.frames(job)
    the_boxes_are_those_of_the_api(page, frames)
    the_scenes_are_labelled(page, truth)
    the_filters_take_effect_at_once(page, frames)
    the_timeline_leads_to_what_it_shows(page, client, job)
    the_files_open_in_their_tools(page, client, job, frames, tmp_path)

    page.get_by_role("link", name="Videos", exact=True).click()
    row.get_by_role("button", name=f"Actions for {sample.name}").click()
    page.get_by_role("menuitem", name="Delete…").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    left = page.get_by_role("region", name="Videos without a job").get_by_role("listitem")
    expect(left).to_contain_text(sample.name)
    expect(row).to_have_count(0)
    assert client.call("GET", "/jobs", 200)["items"] == []
    left.get_by_role("button", name=f"Actions for {sample.name}").click()
    page.get_by_role("menuitem", name="Delete…").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(left).to_have_count(0)
    assert client.call("GET", "/videos", 200)["items"] == []
    assert wrong == [], "errors, or requests to others"


def progress_until_done(row: Locator) -> list[float]:
    """What the progress bar of a row says until the job has ended."""
    expect(row).to_have_count(1, timeout=WAIT_MS)
    values: list[float] = []

    def completed() -> int:
        # The bar first and at once, since it goes when the job ends.
        values.extend(row.evaluate("row => [...row.querySelectorAll('progress[value]')].map((bar) => bar.value)"))
        row.page.wait_for_timeout(50)
        return row.get_by_text("Completed", exact=True).count()

    until(completed, progress=lambda: values[-1:])
    return values


def the_boxes_are_those_of_the_api(page: Page, frames: list[dict[str, Any]]) -> None:
    """While it plays, for each picture that the browser shows, and on the canvas of single frames."""
    by_frame = {frame["frame"]: frame for frame in frames}
    expect(page.locator("canvas[data-frame='0']")).to_have_count(1)
    seen = shown_while_playing(page, 40)
    assert len(seen) > 20, "it does not play"
    for ms, number, boxes in seen:
        frame = by_frame[number]
        assert abs(frame["time_ms"] - ms) < 20, "the boxes of another frame"
        assert boxes == len(frame["detections"])
    for number in (3, 60, 105):
        step_to(page, number)
        detections = by_frame[number]["detections"]
        assert detections
        for found in detections:
            assert is_drawn(page, found), (number, found)


def the_scenes_are_labelled(page: Page, truth: dict[str, Any]) -> None:
    """In the middle of each scene of the sample, the label of what is in it stands among those that are drawn."""
    labels = {row.strip() for row in page.locator(".label-row .name").all_inner_texts()}
    assert {scene["label"] for scene in truth["scenes"] if scene["label"]} - labels == set()


def the_filters_take_effect_at_once(page: Page, frames: list[dict[str, Any]]) -> None:
    canvas = page.locator("canvas[data-frame]")
    crowded = max(frames, key=lambda frame: len(frame["detections"]))
    step_to(page, crowded["frame"])
    expect(canvas).to_have_attribute("data-boxes", str(len(crowded["detections"])))
    page.get_by_label("Minimum confidence").fill("0.6")
    sure = [found for found in crowded["detections"] if found["score"] >= 0.6]
    expect(canvas).to_have_attribute("data-boxes", str(len(sure)))
    page.get_by_label("Minimum confidence").fill("0.35")
    label = crowded["detections"][0]["label"]
    box = page.locator(".label-row", has_text=label).get_by_role("checkbox").first
    box.uncheck()
    left = [found for found in crowded["detections"] if found["label"] != label]
    expect(canvas).to_have_attribute("data-boxes", str(len(left)))
    box.check()


def the_timeline_leads_to_what_it_shows(page: Page, client: Client, job: dict[str, Any]) -> None:
    """The plot has lines, its table the numbers of the API, and the next appearance of a label is shown."""
    timeline = page.get_by_role("region", name="Timeline")
    expect(timeline.locator(".uplot canvas")).to_have_count(1)
    painted = timeline.locator(".uplot canvas").evaluate(
        "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(value => value)"
    )
    assert painted, "the plot is empty"
    step_to(page, 0)
    timeline.get_by_label("Find").select_option("cup")
    timeline.get_by_role("button", name=re.compile("next", re.I)).click()
    query = {"label": "cup", "from_ms": 1}
    appearance = client.call("GET", f"/jobs/{job['id']}/appearances", 200, params=query)["items"][0]
    expect(page.locator("canvas[data-frame]")).to_have_attribute("data-frame", str(appearance["first_frame"]))


def the_files_open_in_their_tools(
    page: Page, client: Client, job: dict[str, Any], frames: list[dict[str, Any]], folder: Path
) -> None:
    objects = sum(len(frame["detections"]) for frame in frames)
    files = {name: saved(page, name, folder) for name in ("JSON", "NDJSON", "CSV", "COCO")}
    assert json.loads(files["JSON"].read_bytes())["frames"] == frames
    assert [json.loads(line) for line in files["NDJSON"].read_text().splitlines()] == frames
    table = pd.read_csv(files["CSV"])
    assert len(table) == objects
    assert table.groupby("frame").size().to_dict() == {
        frame["frame"]: len(frame["detections"]) for frame in frames if frame["detections"]
    }
    coco = COCO(str(files["COCO"]))
    assert (len(coco.getImgIds()), len(coco.getAnnIds())) == (len(frames), objects)

    page.get_by_role("button", name="Create: the video with boxes").click()
    link = page.get_by_role("link", name="Download MP4")
    expect(link).to_be_visible(timeout=WAIT_MS)
    with av.open(str(saved(page, "Download MP4", folder)), "r") as container:
        assert len(list(container.decode(video=0))) == len(frames)


def saved(page: Page, name: str, folder: Path) -> Path:
    """What a link of that name downloads."""
    with page.expect_download() as caught:
        page.get_by_role("link", name=name, exact=True).click()
    download: Download = caught.value
    path = folder / download.suggested_filename
    download.save_as(path)
    return path
