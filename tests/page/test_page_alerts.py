"""Alerts on the page: a rule of a template, what it finds, and how that is seen."""

import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from contracts.storage.port import alert_picture_key
from tests.support.alerting import add_alert, add_refusal, fail_rule, link_alert
from tests.support.browsing import register, tidy
from tests.support.deployments.service import Client, Service
from tests.support.videos import formats

WAIT_MS = 120_000
TEMPLATE = "A person after ten at the back door"
PERSON_MS = 1600  # while the sample shows one


def test_a_rule_raises_alerts_that_lead_to_their_place_and_are_seen(service: Service, page: Page, sample: Path) -> None:
    client = register(page, service)
    page.get_by_role("link", name="Alerts", exact=True).click()
    page.get_by_role("button", name=TEMPLATE).click(timeout=WAIT_MS)
    page.get_by_label("Only at certain times").uncheck()  # nobody knows when an upload was recorded
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0, timeout=WAIT_MS)
    assert rule(client)["search"] == {"label": ["person"], "min_score": 0.5}
    assert rule(client)["schedule"] is None

    job = client.detect(sample, options={"end_ms": PERSON_MS})
    client.call("POST", f"/jobs/{job['id']}/tracks", 202, json={})
    alert = page.get_by_role("list", name="Alerts").get_by_role("listitem")
    expect(alert).to_have_count(1, timeout=WAIT_MS)
    count = page.get_by_role("navigation").get_by_text("1 not seen")
    expect(count).to_be_visible(timeout=WAIT_MS)
    (raised,) = client.call("GET", "/alerts", 200)["alerts"]
    alert.get_by_role("link").click()
    page.wait_for_url(f"**/jobs/{job['id']}#t=*&track={raised['track']}")
    expect(count).to_have_count(0, timeout=WAIT_MS)
    assert client.call("GET", f"/alerts/{raised['id']}", 200)["seen"] is True

    page.get_by_role("link", name="Alerts", exact=True).click()
    switch = page.get_by_label(f"{TEMPLATE} is on")
    switch.uncheck(timeout=WAIT_MS)
    expect(page.locator(".rule.off")).to_have_count(1, timeout=WAIT_MS)
    assert rule(client)["enabled"] is False
    page.get_by_role("button", name=f"Delete {TEMPLATE}").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("Begin with one of these")).to_be_visible(timeout=WAIT_MS)
    assert client.call("GET", "/alert-rules", 200)["items"] == []
    tidy(client)


def test_a_search_becomes_a_rule_with_a_scene_of_its_area(service: Service, page: Page) -> None:
    client = register(page, service)
    page.goto(
        f"{service.url}/search?label=person&hour_from=22:00&hour_to=06:00&polygon=0.1,0.1,0.9,0.1,0.5,0.9&source=yard"
    )
    page.get_by_role("button", name="Save as alert").click(timeout=WAIT_MS)
    page.get_by_label("Name", exact=True).fill("Yard at night")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0, timeout=WAIT_MS)
    (scene,) = client.call("GET", "/scenes", 200)["items"]
    assert scene["zones"] == [{"name": "Area", "polygon": [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]}]
    made = rule(client)
    assert made["search"] == {"label": ["person"], "scene_id": scene["id"], "source": ["yard"]}
    assert (made["schedule"]["from"], made["schedule"]["to"]) == ("22:00", "06:00")
    client.call("DELETE", f"/alert-rules/{made['id']}", 204)


def test_an_alert_appears_when_it_is_raised_also_with_a_picture_that_is_a_video(service: Service, page: Page) -> None:
    client = register(page, service)
    made = client.call("POST", "/alert-rules", 201, json={"name": "people", "search": {"label": ["person"]}})
    page.get_by_role("link", name="Alerts", exact=True).click()
    expect(page.get_by_text("more than 7 days ago raises none")).to_be_visible(timeout=WAIT_MS)
    alert = add_alert(service, made["id"], at_ms=int(time.time() * 1000), picture=True)
    expect(page.get_by_role("list", name="Alerts").locator(".poster svg")).to_be_visible(timeout=WAIT_MS)
    picture = service.storage() / alert_picture_key(alert)
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_bytes(formats.encode("mp4", "libx264", frames=1, size=(64, 48)).content)
    shown = page.get_by_role("list", name="Alerts").locator("video")
    expect(shown).to_have_js_property("videoWidth", 64, timeout=WAIT_MS)
    client.call("DELETE", f"/alert-rules/{made['id']}", 204)


def test_an_alert_leads_to_the_job_that_is_given_to_it_after_the_end_of_the_job(
    service: Service, page: Page, sample: Path
) -> None:
    client = register(page, service)
    made = client.call("POST", "/alert-rules", 201, json={"name": "people", "search": {"label": ["person"]}})
    stream = client.call("POST", "/streams", 201, json={"kind": "push"})
    alert = add_alert(service, made["id"], stream_id=stream["id"])
    page.get_by_role("link", name="Alerts", exact=True).click()
    link = page.get_by_role("list", name="Alerts").get_by_role("link")
    expect(link).to_have_attribute("href", f"/live/{stream['id']}#at=1000", timeout=WAIT_MS)
    job = client.start(client.upload(sample))
    with page.expect_response("**/api/v1/alerts?limit=24", timeout=WAIT_MS):  # as soon as it has ended
        client.request("POST", f"/jobs/{job['id']}/cancel")
        client.wait(job)
    link_alert(service, alert, job["id"])
    expect(link).to_have_attribute("href", f"/jobs/{job['id']}#t=0.00&track=1", timeout=WAIT_MS)
    client.call("DELETE", f"/alert-rules/{made['id']}", 204)
    client.call("DELETE", f"/streams/{stream['id']}", 204)
    tidy(client)


def test_a_rule_that_fails_and_a_webhook_that_is_not_reached_say_so_until_the_rule_is_switched_off(
    service: Service, page: Page
) -> None:
    client = register(page, service)
    made = client.call("POST", "/alert-rules", 201, json={"name": "people", "search": {"label": ["person"]}})
    fail_rule(service, made["id"], "error")
    add_refusal(service, made["id"], "https://example.org/calls", "the address answered 404 Not Found")
    page.get_by_role("link", name="Alerts", exact=True).click()
    shown = page.get_by_role("list", name="Rules").get_by_role("listitem")
    expect(shown.locator(".badge")).to_have_text(["fails", "webhook not reached"], timeout=WAIT_MS)
    expect(shown).to_contain_text(client.call("GET", f"/alert-rules/{made['id']}", 200)["error"]["detail"])
    expect(shown).to_contain_text("example.org did not take the last call: the address answered 404 Not Found.")
    shown.get_by_role("checkbox").uncheck()
    expect(shown.locator(".badge")).to_have_count(0, timeout=WAIT_MS)
    client.call("DELETE", f"/alert-rules/{made['id']}", 204)


def rule(client: Client) -> dict[str, Any]:
    (found,) = client.call("GET", "/alert-rules", 200)["items"]
    assert isinstance(found, dict)
    return found
