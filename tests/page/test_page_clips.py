"""Clips and reels made on the page, and what happens at a scene on a stream's large picture."""

import io
import json
import re
from pathlib import Path
from typing import Any

import av
from playwright.sync_api import Locator, Page, Route, WebSocketRoute, expect

from tests.support.browsing import PASSWORD, register, tidy
from tests.support.deployments.service import Client, Service

WAIT_MS = 120_000


def test_hits_and_parts_of_a_video_are_saved_as_clips_and_as_a_reel(service: Service, page: Page, sample: Path) -> None:
    client = register(page, service)
    job = client.wait(client.detect(sample, options={"end_ms": 2500}))
    client.call("POST", f"/jobs/{job['id']}/tracks", 202, json={})
    page.goto(f"{service.url}/jobs/{job['id']}")
    part = page.locator(".clip")
    part.get_by_label("From", exact=True).fill("0:00.5", timeout=WAIT_MS)
    part.get_by_label("To", exact=True).fill("0:01.3")
    part.get_by_label("Exact to the frame").check()
    part.get_by_role("button", name="Save clip").click()
    assert 0.7 < length(client, part.get_by_role("link", name="Download clip")) < 0.9

    the_chosen_label_is_hidden_in_a_copy(page, client, job)

    page.get_by_role("button", name="Contact sheet").click()
    sheet = page.get_by_role("dialog")
    expect(sheet.get_by_role("img")).to_be_visible(timeout=WAIT_MS)
    with page.expect_download() as download:
        sheet.get_by_role("link", name="Download JPEG").click()
    assert download.value.suggested_filename == f"{sample.stem} 4x4.jpg"
    assert download.value.path().read_bytes().startswith(b"\xff\xd8")

    page.goto(f"{service.url}/search")
    hits = page.get_by_role("list", name="Hits")
    save = hits.get_by_role("button", name="Save clip of").first
    expect(save).to_be_visible(timeout=WAIT_MS)
    found = client.call("GET", "/search", 200, params={"limit": 2})["hits"]
    save.focus()
    page.keyboard.press("Enter")
    saved = hits.get_by_role("link", name=f"Download clip of {found[0]['label']}")
    assert length(client, saved) > (found[0]["to_ms"] - found[0]["from_ms"]) / 1000

    page.get_by_role("button", name="Choose for a reel").click()
    hits.get_by_role("checkbox").first.check()
    bar = page.get_by_role("region", name="Reel")
    expect(bar.get_by_text("1 hit chosen")).to_be_visible()
    bar.get_by_role("button", name="Make a reel").click()
    assert length(client, bar.get_by_role("link", name="Download reel")) > 0
    (reel,) = client.call("GET", "/reels", 200)["items"]
    assert {piece["video_id"] for piece in reel["reel"]["pieces"]} == {job["video_id"]}
    the_next_user_of_the_tab_sees_none(page, client)
    tidy(client)


def the_chosen_label_is_hidden_in_a_copy(page: Page, client: Client, job: dict[str, Any]) -> None:
    found = client.call("GET", f"/jobs/{job['id']}/summary", 200)["labels"]
    label = max(found, key=lambda one: found[one]["detections"])
    page.get_by_label("Labels to hide").fill(label, timeout=WAIT_MS)
    page.keyboard.press("Enter")
    with page.expect_request("**/renditions/blurred") as asked:
        page.get_by_role("button", name="Create: the blurred video").click()
    assert (asked.value.method, asked.value.post_data_json) == ("PUT", {"labels": [label]})
    assert 2 < length(client, page.get_by_role("link", name="Download blurred MP4")) < 3


def the_next_user_of_the_tab_sees_none(page: Page, before: Client) -> None:
    page.get_by_role("button", name="User menu").click()
    page.get_by_role("menuitem", name="Sign out").click()
    page.get_by_role("button", name="Create an account").click()
    page.get_by_label("Username").fill(f"{before.username}-next")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("status").filter(has_text=re.compile("^0 found"))).to_be_visible()
    expect(page.get_by_role("region", name="Reel")).to_have_count(0)


def test_what_happens_at_a_scene_is_told_on_the_large_picture(service: Service, page: Page, sample: Path) -> None:
    client = register(page, service)
    video = client.upload(sample)
    zone = {"name": "Yard", "polygon": [[0, 0], [1, 0], [1, 1], [0, 1]]}
    scene = client.call("POST", "/scenes", 201, json={"name": "House", "zones": [zone]})
    stream = client.call("POST", "/streams", 201, json={"kind": "video", "video_id": video["id"], "name": "Loop"})
    # Live streams of the shared service have no tracks, so what is asked for the scene is answered here.
    page.route_web_socket("**/ws", lambda socket: add_event(socket, scene["id"]))
    page.route(re.compile(r"/scenes/[^/]+/events"), earlier_events)
    page.goto(f"{service.url}/live/{stream['id']}")
    choice, told = page.get_by_label("Scene", exact=True), page.get_by_role("log", name="Events")
    choice.select_option(label="House", timeout=WAIT_MS)
    # Those of before, the one that is told meanwhile, once, and the one that is known late, in order.
    texts = ["person 7 enters Yard", "person 3 leaves Yard after 0.3 s", "person 3 is first seen in Yard"]
    items = told.get_by_role("listitem")
    expect(items).to_have_text([re.compile(f"{text}$") for text in texts], timeout=WAIT_MS)
    page.reload()  # the choice is kept
    expect(items).to_have_count(3, timeout=WAIT_MS)
    told.get_by_role("button").first.click()
    expect(page.get_by_text("There is no finished recording of that moment yet")).to_be_visible()
    choice.select_option("")
    expect(told).to_have_count(0)
    client.call("DELETE", f"/streams/{stream['id']}", 204)
    tidy(client)


HAPPENED: dict[str, Any] = {"label": "person", "frame": 30, "zone": "Yard"}
ENTERS = {"type": "enters", "track": 7, "time_ms": 1000.0, **HAPPENED}


def earlier_events(route: Route) -> None:
    """Answer with the events that are listed before a cursor, and after it."""
    if "cursor" in route.request.url:
        events = [{"type": "leaves", "track": 3, "time_ms": 800.0, "seconds": 0.3, **HAPPENED}]
    else:
        events = [{"type": "appears", "track": 3, "time_ms": 500.0, **HAPPENED}, ENTERS]
    route.fulfill(json={"events": events, "next_cursor": "more"})


def add_event(socket: WebSocketRoute, scene: str) -> None:
    """Pass on all messages between the page and the service, and tell of an event after each start with the scene."""
    service = socket.connect_to_server()

    def asked(message: str | bytes) -> None:
        service.send(message)
        if json.loads(message)["scenes"] == [scene]:
            socket.send(json.dumps({**ENTERS, "type": "event", "event": ENTERS["type"], "scene": scene}))

    socket.on_message(asked)


def length(client: Client, link: Locator) -> float:
    """The seconds of the file that a link leads to, once it is there."""
    expect(link).to_be_visible(timeout=WAIT_MS)
    answer = client.http.get(str(link.get_attribute("href")))
    assert answer.status_code == 200
    with av.open(io.BytesIO(answer.content), "r") as container:
        times: list[Any] = [frame.time for frame in container.decode(video=0)]
    return float(times[-1] - times[0])
