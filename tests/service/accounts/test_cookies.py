"""Sessions of browsers, whose tokens come as cookies."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page

from tests.support.deployments.service import Client, Service


@pytest.fixture
def browser(service: Service, client: Client) -> Client:
    """Somebody who is logged in by cookies alone, as the user of `client`."""
    browser = Client(service.url)
    browser.tokens = login(browser, client)
    return browser


def login(at: Client, of: Client) -> Any:
    body = {"username": of.username, "password": of.password, "cookies": True}
    return at.call("POST", "/auth/login", 200, json=body)


def set_cookies(answer: httpx.Response) -> dict[str, set[str]]:
    """What the answer says of each cookie, in lower case but for its value."""
    lines = [line.split("; ") for line in answer.headers.get_list("set-cookie")]
    return {first.split("=")[0]: {item.lower() for item in rest} for first, *rest in lines}


def test_refresh_token_is_sent_only_as_a_cookie(service: Service, client: Client) -> None:
    body = {"username": f"{client.username}-2", "password": "correct-horse-battery", "cookies": True}
    answer = Client(service.url).request("POST", "/auth/register", json=body)
    assert answer.status_code == 201
    tokens = answer.json()
    assert tokens["refresh_token"] is None
    assert answer.cookies["wd_access"] == tokens["access_token"]
    assert answer.cookies["wd_refresh"] not in answer.text
    known = set_cookies(answer)
    assert {"httponly", "samesite=strict", "path=/api/v1", f"max-age={tokens['expires_in']}"} <= known["wd_access"]
    assert {"httponly", "samesite=strict", "path=/api/v1/auth", "max-age=2592000"} <= known["wd_refresh"]
    assert "secure" not in known["wd_access"]


def test_cookies_are_secure_over_https(service: Service, client: Client) -> None:
    body = {"username": client.username, "password": client.password, "cookies": True}
    answer = client.request("POST", "/auth/login", json=body, headers={"X-Forwarded-Proto": "https"})
    assert all("secure" in known for known in set_cookies(answer).values())


def test_cookies_are_set_only_on_request(client: Client) -> None:
    assert client.tokens["refresh_token"]
    assert not client.http.cookies
    renewed = client.request("POST", "/auth/refresh", json={"refresh_token": client.tokens["refresh_token"]})
    assert renewed.json()["refresh_token"]
    assert "set-cookie" not in renewed.headers


def test_a_cookie_is_refreshed_without_a_body(browser: Client) -> None:
    before = dict(browser.http.cookies)
    tokens = browser.call("POST", "/auth/refresh", 200)
    assert tokens["refresh_token"] is None
    after = dict(browser.http.cookies)
    assert set(after) == {"wd_access", "wd_refresh"}
    assert after["wd_refresh"] != before["wd_refresh"]
    browser.call("POST", "/auth/refresh", 200)
    browser.use(tokens).call("GET", "/auth/me", 200)


def test_two_tabs_that_refresh_at_once_stay_in_the_session(service: Service, browser: Client) -> None:
    """The second one sends the cookie that the first has just used, as does one whose answer got lost."""
    other = Client(service.url)
    other.http.cookies.update(browser.http.cookies)
    first, second = (tab.call("POST", "/auth/refresh", 200) for tab in (browser, other))
    for tokens in (first, second):
        Client(service.url).use(tokens).call("GET", "/auth/me", 200)
    other.call("POST", "/auth/refresh", 200)
    browser.call("POST", "/auth/refresh", 200)


def test_reuse_of_an_old_refresh_cookie_ends_the_session(service: Service, browser: Client) -> None:
    thief = Client(service.url)
    thief.http.cookies.update(browser.http.cookies)
    browser.call("POST", "/auth/refresh", 200)
    newest = browser.call("POST", "/auth/refresh", 200)
    thief.problem("POST", "/auth/refresh", 401, "unauthenticated")
    browser.use(newest).problem("GET", "/auth/me", 401, "unauthenticated")


def test_a_refusal_clears_the_cookies(service: Service, browser: Client) -> None:
    browser.use(browser.tokens).call("POST", "/auth/logout-all", 204)
    browser.http.cookies.set("wd_refresh", "nonsense", domain="127.0.0.1", path="/api/v1/auth")
    answer = browser.request("POST", "/auth/refresh")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert {"max-age=0", "path=/api/v1/auth"} <= set_cookies(answer)["wd_refresh"]
    assert not browser.http.cookies
    assert "cookie" in Client(service.url).problem("POST", "/auth/refresh", 401, "unauthenticated")


def test_logout_clears_the_cookies(browser: Client) -> None:
    browser.use(browser.tokens).call("POST", "/auth/logout", 204)
    assert not browser.http.cookies
    browser.problem("GET", "/auth/me", 401, "unauthenticated")


def test_logout_everywhere_ends_every_session_of_the_user_and_of_nobody_else(
    service: Service, client: Client, browser: Client
) -> None:
    stranger = service.client()
    browser.use(browser.tokens)
    client.call("POST", "/auth/logout-all", 204)
    for one in (client, browser):
        one.problem("GET", "/auth/me", 401, "unauthenticated")
    browser.problem("POST", "/auth/refresh", 401, "unauthenticated")
    body = {"refresh_token": client.tokens["refresh_token"]}
    client.problem("POST", "/auth/refresh", 401, "unauthenticated", json=body)
    stranger.call("GET", "/auth/me", 200)


def test_cookie_authorizes_media_downloads_only(browser: Client, client: Client, sample: Path) -> None:
    video = client.upload(sample)
    path = f"/videos/{video['id']}/content"
    # Others who serve from the same host may have left cookies with names of all kinds.
    odd = "a(b=c; {=; wd_accessx=1; wd_access=" + browser.http.cookies["wd_access"]
    for headers in ({}, {"Cookie": odd}, {"Authorization": "Bearer nonsense"}):
        answer = browser.request("GET", path, headers=headers)
        assert answer.status_code == 200, headers
        assert answer.content == sample.read_bytes()
    for method, closed in (
        ("GET", "/videos"),
        ("GET", "/auth/me"),
        ("DELETE", f"/videos/{video['id']}"),
        ("POST", "/jobs"),
        ("POST", "/auth/logout-all"),
    ):
        browser.problem(method, closed, 401, "unauthenticated")


def test_cookies_of_ended_and_foreign_sessions_are_refused(
    service: Service, client: Client, browser: Client, sample: Path
) -> None:
    path = f"/videos/{service.client().upload(sample)['id']}/content"
    browser.problem("GET", path, 404, "not_found")
    kept = browser.http.cookies["wd_access"]
    browser.use(browser.tokens).call("POST", "/auth/logout", 204)
    headers = {"Authorization": "", "Cookie": f"wd_access={kept}"}
    Client(service.url).problem("GET", path, 401, "unauthenticated", headers=headers)
    refresh = Client(service.url)
    login(refresh, client)
    headers = {"Cookie": f"wd_access={refresh.http.cookies['wd_refresh']}"}
    Client(service.url).problem("GET", path, 401, "unauthenticated", headers=headers)


def test_browser_plays_a_video_authorized_by_cookie(service: Service, client: Client, page: Page, sample: Path) -> None:
    """Opened by itself, under the policy of content; no script can read the cookies."""
    video = client.upload(sample)
    page.goto(f"{service.url}/docs/")
    page.evaluate(
        "body => fetch('/api/v1/auth/login', {method: 'POST', body, headers: {'Content-Type': 'application/json'}})",
        json.dumps({"username": client.username, "password": client.password, "cookies": True}),
    )
    names = {cookie["name"]: cookie for cookie in page.context.cookies(f"{service.url}/api/v1/auth")}
    assert set(names) == {"wd_access", "wd_refresh"}
    page.goto(f"{service.url}/api/v1/videos/{video['id']}/content")
    page.wait_for_function("document.querySelector('video').readyState >= 2 || document.querySelector('video').error")
    assert page.evaluate("document.querySelector('video').error") is None
    assert page.evaluate("document.querySelector('video').videoWidth") > 0
