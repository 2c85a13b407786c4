"""Each view of the page in a real browser: read out, on a phone, by the keyboard alone, and offline."""

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests.support.browsing import PASSWORD, register, tidy
from tests.support.deployments.service import ROOT, Service
from tests.support.requirements import missing
from tests.support.user_admin import make_admin

AXE = ROOT / "web/node_modules/axe-core/axe.min.js"
WIDTHS = (360, 1280)
WAIT_MS = 120_000


def test_pages_have_no_accessibility_violations(service: Service, page: Page, sample: Path) -> None:
    """axe finds nothing that is serious, and nothing is wider than the screen: phone and desk, light and dark."""
    if not AXE.exists():
        missing(f"{AXE} is not there: make page installs it")
    assert page.context.browser
    # The page's own policy lets no foreign script in.
    page = page.context.browser.new_page(bypass_csp=True)
    page.add_init_script(AXE.read_text())
    page.goto(service.url)
    page.get_by_role("button", name="Create an account").wait_for(timeout=WAIT_MS)
    wrong = complaints(page, "sign-in")
    client = register(page, service)
    wrong += complaints(page, "empty list")
    job = client.detect(sample, options={"every_n": 10})
    assert job["state"] == "succeeded"
    link = page.get_by_role("link", name=sample.name, exact=True)
    link.wait_for(timeout=WAIT_MS)
    wrong += complaints(page, "list")
    page.get_by_role("button", name="Options", exact=True).click()
    page.get_by_role("dialog").get_by_label("Model").wait_for(timeout=WAIT_MS)
    wrong += complaints(page, "options")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    link.click()
    page.locator("canvas[data-frame='0']").wait_for(timeout=WAIT_MS)
    page.locator(".uplot canvas").wait_for(timeout=WAIT_MS)
    wrong += complaints(page, "job")
    page.goto(f"{service.url}/account")
    page.get_by_text("None yet.").wait_for(timeout=WAIT_MS)
    wrong += complaints(page, "account")
    page.goto(f"{service.url}/live")
    page.get_by_role("button", name="Add camera").click()
    page.get_by_label("Picture of your camera").wait_for(timeout=WAIT_MS)
    wrong += complaints(page, "add camera")
    page.keyboard.press("Escape")
    page.goto(f"{service.url}/search")
    page.get_by_text("Nothing to search yet").wait_for(timeout=WAIT_MS)
    wrong += complaints(page, "search")
    page.goto(f"{service.url}/alerts")
    page.get_by_text("No alerts yet").wait_for(timeout=WAIT_MS)
    wrong += complaints(page, "alerts")
    page.get_by_role("button", name="A person after ten").click()
    page.get_by_role("dialog").get_by_label("Name").wait_for(timeout=WAIT_MS)
    wrong += complaints(page, "alert rule")
    make_admin(service, client)
    page.goto(f"{service.url}/status")
    page.get_by_role("row", name="Live detector").wait_for(timeout=WAIT_MS)
    wrong += complaints(page, "status")
    assert wrong == []
    tidy(client)


def complaints(page: Page, view: str) -> list[str]:
    """What is wrong with a view, at each width and in each scheme."""
    wrong = []
    for scheme in ("light", "dark"):
        for width in WIDTHS:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
            page.set_viewport_size({"width": width, "height": 800})
            where = f"{view}, {scheme}, {width} px"
            found: list[dict[str, Any]] = page.evaluate(
                """async () => {
                  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
                  return violations.map(({ id, impact, nodes }) => ({ id, impact, at: nodes.map((n) => n.target) }));
                }"""
            )
            wrong += [f"{where}: {one['id']} {one['at']}" for one in found if one["impact"] in ("serious", "critical")]
            wide = page.evaluate("document.documentElement.scrollWidth")
            if wide > width:
                wrong.append(f"{where}: {wide} px wide")
    return wrong


def test_web_ui_is_usable_by_keyboard(service: Service, page: Page, sample: Path) -> None:
    """Sign in, go to a job, step, play, pause: no pointer."""
    client = service.client()
    job = client.detect(sample, options={"frames": "balanced"})
    filled = [frame.get("filled", False) for frame in client.frames(job)]
    assert any(filled[:4]) > all(filled[:4])
    page.goto(service.url)
    page.get_by_role("heading", name="Sign in").wait_for(timeout=WAIT_MS)
    tab_to(page, "input[name=username]")
    page.keyboard.type(client.username)
    tab_to(page, "input[name=password]")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("link", name=sample.name, exact=True).wait_for(timeout=WAIT_MS)
    tab_to(page, ".job h3 a")
    page.keyboard.press("Enter")
    canvas = page.locator("canvas[data-frame]")
    expect(canvas).to_have_attribute("data-frame", "0", timeout=WAIT_MS)

    tab_to(page, ".seek-bar")
    for key, frame in ((".", 1), (".", 2), (".", 3), (",", 2)):
        page.keyboard.press(key)
        expect(canvas).to_have_attribute("data-frame", str(frame), timeout=WAIT_MS)
        expect(canvas).to_have_attribute("data-dashed", str(filled[frame]).lower())
    expect(page.get_by_text("of the frames, the rest filled in")).to_be_visible()
    for _ in range(3):
        page.keyboard.press("<")
    expect(page.get_by_label("Speed")).to_have_value("0.1")  # so that it does not end before the pause
    page.keyboard.press("Space")
    expect(canvas).to_have_attribute("data-frame", re.compile(r"[4-9]|\d\d+"), timeout=WAIT_MS)
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    assert page.locator("video").evaluate("video => video.paused && !video.ended")
    tidy(client)


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until the focus is on what the selector names, and can be seen there."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            line = page.evaluate(
                """() => {
                  const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
                  return outlineStyle === "none" ? 0 : parseFloat(outlineWidth);
                }"""
            )
            assert line > 0, f"the focus on {selector} cannot be seen"
            return
    raise AssertionError(f"no way to {selector}")


def test_offline_page_shows_it_and_recovers(service: Service, page: Page, sample: Path) -> None:
    client = register(page, service)
    said = page.get_by_text("Cannot reach the server")
    expect(said).to_have_count(0)
    page.context.set_offline(True)
    # A view that asks the service for something, once.
    page.get_by_role("button", name="User menu").click()
    page.get_by_role("menuitem", name="Account and tokens").click()
    expect(said).to_be_visible(timeout=WAIT_MS)
    expect(page.get_by_text("The tokens could not be loaded")).to_be_visible()
    page.context.set_offline(False)
    expect(said).to_have_count(0, timeout=WAIT_MS)
    expect(page.get_by_text("None yet.")).to_be_visible(timeout=WAIT_MS)
    page.get_by_role("link", name="Videos", exact=True).click()
    client.start(client.upload(sample))
    expect(page.get_by_role("link", name=sample.name, exact=True)).to_be_visible(timeout=WAIT_MS)
    tidy(client)
