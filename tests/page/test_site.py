"""The page's files, and the headers of all answers."""

import gzip
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page

from tests.support.live.live_api import LiveApi
from tests.support.servers.valkey import Valkey

INDEX = (
    b'<!doctype html><title>Page</title><link rel="icon" href="/favicon.svg">'
    b'<script type="module" src="/assets/app-1a2B.js"></script>\n'
)
SCRIPT = b"document.title = 'Run';\n" * 100


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built page, with a file beside it that is none of its."""
    folder = tmp_path_factory.mktemp("built") / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_bytes(INDEX)
    (folder / "favicon.svg").write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "assets/app-1a2B.js").write_bytes(SCRIPT)
    (folder / "assets/app-1a2B.js.gz").write_bytes(gzip.compress(SCRIPT))
    (folder / "secret.txt").write_text("not for the page")
    return folder


@pytest.fixture(scope="module")
def site(folder: Path, valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveApi]:
    """The api alone."""
    with LiveApi(valkey, tmp_path_factory.mktemp("site"), PAGE_DIR=str(folder)) as running:
        yield running


@pytest.fixture
def http(site: LiveApi) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site.url) as client:
        yield client


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/account",
        "/tokens",
        "/sign-in",
        "/search",
        "/alerts",
        "/status",
        "/live/",
        "/jobs",
        f"/jobs/{uuid.uuid4()}",
    ],
)
def test_every_path_serves_the_page_uncached(http: httpx.Client, path: str) -> None:
    answer = http.get(path)
    assert (answer.status_code, answer.content) == (200, INDEX)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    again = http.get(path, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_page_has_no_inline_scripts(http: httpx.Client) -> None:
    policy = dict(part.split(" ", 1) for part in http.get("/").headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in str(policy)


def test_assets_are_immutable_and_compressed(http: httpx.Client) -> None:
    path = "/assets/app-1a2B.js"
    plain = http.get(path, headers={"Accept-Encoding": "identity"})
    assert plain.content == SCRIPT
    assert "content-encoding" not in plain.headers
    assert plain.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "immutable" in plain.headers["cache-control"]
    packed = http.get(path, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == SCRIPT
    assert int(packed.headers["content-length"]) < len(SCRIPT)
    assert packed.headers["etag"] != plain.headers["etag"]
    assert packed.headers["vary"] == "Accept-Encoding"


def test_head_has_the_length_and_no_body(http: httpx.Client) -> None:
    answer = http.head("/", headers={"Accept-Encoding": "identity"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) == len(INDEX)


@pytest.mark.parametrize(
    "path",
    [
        "/secret.txt",
        "/assets/none.js",
        "/assets/../secret.txt",
        "/assets/%2e%2e/secret.txt",
        "/assets/..%2fsecret.txt",
        "/jobs/none",
        "/apple-touch-icon.png",
        "/nothing",
    ],
)
def test_unknown_files_return_404(http: httpx.Client, path: str) -> None:
    answer = http.get(path)
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


def test_a_browser_at_an_unknown_address_gets_the_page(http: httpx.Client) -> None:
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    for path in ("/nothing", "/jobs/none"):
        answer = http.get(path, headers=browser)
        assert (answer.status_code, answer.content) == (404, INDEX)
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert http.head(path, headers=browser).content == b""
    for path in ("/api/v1/nothing", "/assets/none.js", "/secret.txt", "/docs/nothing"):
        answer = http.get(path, headers=browser)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path


def test_site_answers_only_get_and_head(http: httpx.Client) -> None:
    assert http.post("/").status_code in (404, 405)


@pytest.mark.parametrize("path", ["/", "/docs/", "/healthz", "/api/v1/models", "/api/v1/videos", "/nothing"])
def test_every_response_has_security_headers(http: httpx.Client, path: str) -> None:
    headers = http.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert "camera=(self)" in headers["permissions-policy"]
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert len(headers.get_list("content-security-policy")) == 1


def test_web_ui_and_swagger_ui_violate_no_content_security_policy(site: LiveApi, page: Page) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{site.url}/account")
    page.wait_for_function("document.title === 'Run'")
    page.goto(f"{site.url}/docs")
    page.wait_for_selector(".opblock")
    assert complaints == []


def test_missing_build_returns_instructions(folder: Path, http: httpx.Client) -> None:
    index = folder / "index.html"
    index.rename(folder / "away")
    try:
        answer = http.get("/")
        assert answer.status_code == 503
        assert "make page" in answer.text
        assert "/docs" in answer.text
        assert http.get("/healthz").status_code == 200
    finally:
        (folder / "away").rename(index)
