"""Tracks on the page: their list, zones drawn over the video, and the search."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.support.browsing import register
from tests.support.deployments.service import Client, Service

WAIT_MS = 120_000


def test_a_track_leads_from_the_list_from_a_zone_and_from_the_search_to_its_place(
    service: Service, page: Page, sample: Path
) -> None:
    client = register(page, service)
    job = client.detect(sample, options={"end_ms": 2400})
    page.goto(f"{service.url}/jobs/{job['id']}")
    page.get_by_role("button", name="Make tracks").click(timeout=WAIT_MS)
    listed = page.get_by_role("list", name="Tracks").get_by_role("button")
    expect(listed.first).to_be_visible(timeout=WAIT_MS)
    tracks = client.call("GET", f"/jobs/{job['id']}/tracks", 200)["tracks"]
    expect(listed).to_have_count(len(tracks))
    track = max(tracks, key=lambda one: one["frames"])
    own = listed.filter(has_text=f"{track['label']} {track['id']}")
    shown_at(page, own, track["first_frame"])

    a_zone_is_drawn_with_the_keyboard(page, client)
    events = client.call("GET", f"/jobs/{job['id']}/scenes/{scene(client)['id']}/events", 200)["events"]
    page.get_by_role("list", name="Events").get_by_role("button").first.click(timeout=WAIT_MS)
    expect(page.locator("canvas[data-frame]")).to_have_attribute("data-frame", str(events[0]["frame"]), timeout=WAIT_MS)

    places_are_searched(page, client, f"{service.url}/search")

    page.goto(f"{service.url}/search?label={track['label'].replace(' ', '+')}")
    page.locator(f".hit[href$='&track={track['id']}']").click(timeout=WAIT_MS)
    page.wait_for_url(f"**/jobs/{job['id']}#t=*")
    expect(own).to_have_attribute("aria-pressed", "true", timeout=WAIT_MS)

    page.get_by_role("link", name="Videos", exact=True).click()
    page.get_by_role("button", name=f"Actions for {sample.name}").click(timeout=WAIT_MS)
    page.get_by_role("menuitem", name="Delete…").click()
    page.get_by_label("Also delete the video").check()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog")).to_have_count(0, timeout=WAIT_MS)
    assert client.call("GET", "/videos", 200)["items"] == []


def shown_at(page: Page, button: Locator, frame: int) -> None:
    """A click on the button of a track shows it at its first frame, and it stands out."""
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(page.locator("canvas[data-frame]")).to_have_attribute("data-frame", str(frame), timeout=WAIT_MS)


def a_zone_is_drawn_with_the_keyboard(page: Page, client: Client) -> None:
    page.get_by_role("button", name="New scene").click()
    expect(page.locator(".draft")).to_be_focused(timeout=WAIT_MS)
    page.keyboard.press("Enter")
    corner = page.get_by_role("button", name="Point 1 of Zone 1", exact=True)
    corner.focus()
    page.keyboard.press("Shift+ArrowLeft")
    page.get_by_label("Name of the scene").fill("Yard")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0, timeout=WAIT_MS)
    corners = [[0.25, 0.3], [0.7, 0.3], [0.7, 0.7], [0.3, 0.7]]
    assert scene(client)["zones"] == [{"name": "Zone 1", "polygon": corners}]


def places_are_searched(page: Page, client: Client, url: str) -> None:
    """By a zone of a scene, then by an area that is drawn in the search; the address has each search."""
    page.goto(url)
    page.get_by_label("Scene").select_option(label="Yard", timeout=WAIT_MS)
    own = scene(client)["id"]
    page.wait_for_url(f"**/search?scene={own}")
    expect_hits(page, client, {"scene": own})
    page.reload()
    expect_hits(page, client, {"scene": own})
    page.get_by_role("button", name="Draw an area").click()
    expect(page.locator(".draft")).to_be_focused(timeout=WAIT_MS)
    expect(page.locator(".drawing img")).to_be_visible(timeout=WAIT_MS)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Use this area").click()
    page.wait_for_url("**/search?polygon=*")
    expect_hits(page, client, {"polygon": "0.3,0.3,0.7,0.3,0.7,0.7,0.3,0.7"})


def expect_hits(page: Page, client: Client, question: dict[str, str]) -> None:
    hits = client.call("GET", "/search", 200, params=question)["hits"]
    assert hits
    expect(page.get_by_text(f"{len(hits)} found", exact=True)).to_be_visible(timeout=WAIT_MS)
    expect(page.locator(".hit")).to_have_count(len(hits))


def scene(client: Client) -> dict[str, Any]:
    found: dict[str, Any] = client.call("GET", "/scenes", 200)["items"][0]
    return found
