"""The status of the service on the page, for administrators."""

import re

from playwright.sync_api import Page, Route, expect

from tests.support.browsing import register, tidy
from tests.support.deployments.service import Service
from tests.support.user_admin import make_admin
from tests.support.waiting import until

WAIT_MS = 120_000


def test_administrators_see_what_is_wrong_and_others_have_no_such_page(service: Service, page: Page) -> None:
    client = register(page, service)
    page.goto(f"{service.url}/status")
    page.get_by_role("button", name="User menu").click(timeout=WAIT_MS)
    expect(page.get_by_role("menuitem", name="Account and tokens")).to_be_visible()
    expect(page.get_by_role("menuitem", name="Status")).to_have_count(0)
    expect(page.get_by_role("heading", name="Status")).to_have_count(0)

    make_admin(service, client)
    page.goto(service.url)
    page.get_by_role("button", name="User menu").click(timeout=WAIT_MS)
    page.get_by_role("menuitem", name="Status").click()
    detector = page.get_by_role("row", name=re.compile("^Detector"))
    expect(detector.get_by_text("nanodet-g")).to_be_visible(timeout=WAIT_MS)
    expect(detector.get_by_text(re.compile(r"^[\d.]+ s ago$"))).to_be_visible()
    expect(page.get_by_text("There is no renderer.")).to_have_count(0)
    with service.held("render"):
        expect(page.get_by_role("list", name="Problems").get_by_text("There is no renderer.")).to_be_visible(
            timeout=WAIT_MS
        )
    expect(page.get_by_text("There is no renderer.")).to_have_count(0, timeout=WAIT_MS)
    tidy(client)


def test_the_page_says_which_servers_answer_when_there_is_no_status_and_asks_again_after_the_answer(
    service: Service, page: Page
) -> None:
    client = register(page, service)
    make_admin(service, client)
    held: list[Route] = []
    page.route("**/admin/status", lambda route: held.append(route))
    page.clock.install()
    page.goto(f"{service.url}/status")
    until(lambda: page.evaluate("true") and held)
    page.clock.run_for(30_000)
    assert len(held) == 1
    held[0].fulfill(status=503, json={"code": "unavailable", "detail": "the database does not answer"})
    expect(page.get_by_role("alert")).to_contain_text("The database does not answer", timeout=WAIT_MS)
    servers = page.get_by_role("heading", name="Servers").locator("..")
    expect(servers.get_by_text("Database")).to_be_visible(timeout=WAIT_MS)
    expect(servers.get_by_text("answers")).to_have_count(4)
    page.clock.run_for(6_000)
    until(lambda: page.evaluate("true") and len(held) == 2)
    page.unroute_all(behavior="ignoreErrors")
    tidy(client)
