"""Who is signed in on the page, in a real browser: for how long, in which browsers, and where that can be read."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests.support.browsing import PASSWORD, register, tidy
from tests.support.deployments.service import Client, Service

# Those of the paths that are answered with 200 under a cache mode of fetch.
FETCHED = """async ([paths, cache, { access_token }]) => {
  const headers = { Authorization: `Bearer ${access_token}` };
  const answers = await Promise.all(paths.map((path) =>
    fetch(path, { cache, headers, mode: "same-origin" }).then(
      async (answer) => { await answer.arrayBuffer(); return answer.status; }, () => 0)));
  return paths.filter((_, index) => answers[index] === 200);
}"""


def test_reload_keeps_the_session_and_scripts_cannot_read_tokens(service: Service, page: Page) -> None:
    urls: list[str] = []
    tokens: set[str] = set()
    page.on("request", lambda request: urls.append(request.url))
    page.on("request", lambda request: tokens.add(request.headers.get("authorization", "").removeprefix("Bearer ")))
    register(page, service)
    page.reload()
    expect(page.get_by_role("heading", name="Videos", level=1)).to_be_visible()
    page.goto(f"{service.url}/account")
    expect(page.get_by_role("heading", name="Account", level=1)).to_be_visible()
    tokens.discard("")
    assert tokens, "nothing was asked with a token"
    cookies: list[Any] = list(page.context.cookies())
    assert cookies
    assert all(cookie["httpOnly"] and cookie["sameSite"] in ("Lax", "Strict") for cookie in cookies)
    kept = page.evaluate("JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])")
    for secret in (*tokens, *(cookie["value"] for cookie in cookies), PASSWORD):
        assert not any(secret in url for url in urls)
        assert secret not in kept


def test_signing_out_leaves_nothing_of_the_api_in_the_cache(service: Service, page: Page, sample: Path) -> None:
    """Asked with what a script finds in the browser's cache, without the network."""
    client = register(page, service)
    job = client.detect(sample, options={"every_n": 20})
    results, summary = (f"/api/v1/jobs/{job['id']}/{name}" for name in ("results?limit=5", "summary"))
    script = page.locator("script[src]").first.get_attribute("src") or ""  # cached for whoever comes
    paths = [script, results, summary, "/api/v1/auth/me", "/api/v1/jobs", "/api/v1/tokens", "/api/v1/videos"]
    assert page.evaluate(FETCHED, [paths, "default", client.tokens]) == paths
    assert page.evaluate(FETCHED, [paths, "only-if-cached", client.tokens]) == [script, results]
    page.get_by_role("button", name="User menu").click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    # The script is of the page that was loaded anew.
    assert page.evaluate(FETCHED, [paths, "only-if-cached", client.tokens]) == [script]
    tidy(client)


def test_signing_out_everywhere_ends_the_session_of_another_browser(service: Service, page: Page) -> None:
    client = register(page, service)
    kept = Client(service.url).use({"access_token": client.call("POST", "/tokens", 201, json={"name": "x"})["token"]})
    me = client.call("GET", "/auth/me", 200)
    assert page.context.browser
    other = page.context.browser.new_context().new_page()
    other.goto(service.url)
    other.get_by_label("Username").fill(me["username"])
    other.get_by_label("Password", exact=True).fill(PASSWORD)
    other.get_by_role("button", name="Sign in", exact=True).click()
    expect(other.get_by_role("heading", name="Videos", level=1)).to_be_visible()

    page.get_by_role("button", name="User menu").click()
    page.get_by_role("menuitem", name="Account and tokens").click()
    page.get_by_role("button", name="Sign out everywhere…").click()
    page.get_by_label("Keep the API tokens").check()
    page.get_by_role("dialog").get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    other.reload()
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    assert client.request("GET", "/auth/me").status_code == 401
    assert kept.request("GET", "/auth/me").status_code == 200


def test_api_token_created_in_the_web_ui_works_until_deleted(service: Service, page: Page) -> None:
    me = register(page, service).call("GET", "/auth/me", 200)
    page.goto(f"{service.url}/account")
    page.get_by_role("button", name="Create token").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("backup script")
    for scope in ("Delete videos and jobs", "Add, change and delete live streams"):
        dialog.get_by_label(scope, exact=True).uncheck()
    dialog.get_by_role("button", name="Create").click()
    expect(dialog.get_by_role("button", name="Done")).to_be_visible()
    program = Client(service.url)
    program.http.headers["Authorization"] = f"Bearer {dialog.locator('code').inner_text().strip()}"
    assert program.call("GET", "/jobs", 200)["items"] == []
    assert program.call("GET", "/auth/me", 200)["id"] == me["id"]
    assert program.call("GET", "/tokens", 200)["items"][0]["scopes"] == ["read", "write", "streams:read"]
    dialog.get_by_role("button", name="Done").click()
    expect(page.get_by_text("scopes: read, write, streams:read")).to_be_visible()
    page.get_by_role("button", name="Delete backup script").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("None yet.")).to_be_visible()
    assert program.request("GET", "/jobs").status_code == 401
