"""Uploads from the clients that people have: curl, Python's own, httpx, and a browser."""

import http.client
import json
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page

from tests.support.deployments.service import Client, Service
from tests.support.waiting import until

LIMIT = 5_000_000  # of the shared service
LARGE = 30_000_000
URL = "/api/v1/videos"


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """More than the service takes."""
    path = tmp_path / "large.mp4"
    path.write_bytes(os.urandom(1_000_000) * (LARGE // 1_000_000))
    return path


class Curl:
    """One call of curl: what it was answered, and what it said on the way."""

    def __init__(self, client: Client, *arguments: str) -> None:
        url = f"{client.http.base_url}".rstrip("/") + URL
        token = f"Authorization: Bearer {client.tokens['access_token']}"
        command = ["curl", "--disable", "--silent", "--verbose", "--max-time", "60", "-H", token]
        command += ["--write-out", "\n%{http_code} %{size_upload}", *arguments, url]
        done = subprocess.run(command, capture_output=True, timeout=90)
        self.exit_code, self.said = done.returncode, done.stderr.decode(errors="replace")
        body, _, tail = done.stdout.decode().rpartition("\n")
        self.body, (status, sent) = body, tail.split()
        self.status, self.sent = int(status), int(sent)
        self.continued = "HTTP/1.1 100" in self.said


CURL = {
    "form": ["-F", "video=@{path};type=video/mp4"],
    "raw": ["-H", "Content-Type: video/mp4", "--data-binary", "@{path}"],
    "chunked": ["-X", "POST", "-H", "Content-Type: video/mp4", "-H", "Transfer-Encoding: chunked", "-T", "{path}"],
    "form, chunked": ["-F", "video=@{path};type=video/mp4", "-H", "Transfer-Encoding: chunked"],
}
EXPECT = ["-H", "Expect: 100-continue", "--expect100-timeout", "30"]


def arguments(kind: str, path: Path) -> list[str]:
    return [part.replace("{path}", str(path)) for part in CURL[kind]]


@pytest.mark.parametrize("kind", CURL)
def test_curl_uploads(client: Client, sample: Path, kind: str) -> None:
    call = Curl(client, *arguments(kind, sample))
    assert (call.status, call.exit_code) == (201, 0), call.said
    [video] = client.call("GET", "/videos", 200)["items"]
    assert client.request("GET", f"/videos/{video['id']}/content").content == sample.read_bytes()


@pytest.mark.parametrize("kind", CURL)
def test_expect_100_continue_is_answered(client: Client, sample: Path, kind: str) -> None:
    call = Curl(client, *arguments(kind, sample), *EXPECT)
    assert call.continued, call.said
    assert (call.status, call.exit_code) == (201, 0), call.said


@pytest.mark.parametrize("kind", ["form", "raw"])
def test_expect_100_continue_is_refused_before_the_body(client: Client, large: Path, kind: str) -> None:
    call = Curl(client, *arguments(kind, large), *EXPECT)
    assert not call.continued, call.said
    assert (call.status, call.sent) == (413, 0), call.said
    assert '"upload_too_large"' in call.body


@pytest.mark.parametrize("kind", CURL)
def test_curl_sees_why_it_is_refused(service: Service, client: Client, large: Path, kind: str) -> None:
    before = service.settled_files()
    call = Curl(client, *arguments(kind, large), "-H", "Expect:")
    assert call.status == 413, call.said
    assert '"upload_too_large"' in call.body
    service.expect_files(before)


def test_body_without_a_token_is_not_read(client: Client, large: Path) -> None:
    client.tokens = {"access_token": "no.such.token"}
    call = Curl(client, *arguments("raw", large), *EXPECT)
    assert (call.status, call.sent, call.continued) == (401, 0, False), call.said


def headers(client: Client, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {client.tokens['access_token']}", "Content-Type": "video/mp4", **more}


@pytest.mark.parametrize("told", [True, False], ids=["length", "chunked"])
def test_urllib_uploads(client: Client, sample: Path, told: bool) -> None:
    length = {"Content-Length": str(sample.stat().st_size)} if told else {}
    with sample.open("rb") as file:
        request = urllib.request.Request(
            str(client.http.base_url) + URL, data=file, method="POST", headers=headers(client, **length)
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            assert response.status == 201


def test_urllib_sees_why_it_is_refused(client: Client, large: Path) -> None:
    length = {"Content-Length": str(LARGE)}
    with large.open("rb") as file:
        request = urllib.request.Request(
            str(client.http.base_url) + URL, data=file, method="POST", headers=headers(client, **length)
        )
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=60)
    with caught.value as answer:
        assert answer.code == 413
        assert b"upload_too_large" in answer.read()


def test_connection_is_reused_after_an_upload_and_after_a_refusal(client: Client, sample: Path) -> None:
    connection = http.client.HTTPConnection(client.http.base_url.host, client.http.base_url.port or 80, timeout=60)
    statuses = []
    try:
        for content in (sample.read_bytes(), b"no video", sample.read_bytes()):
            connection.request("POST", URL, body=content, headers=headers(client))
            response = connection.getresponse()
            statuses.append(response.status)
            response.read()
    finally:
        connection.close()
    assert statuses == [201, 422, 201]


def pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(70_001):
            yield piece


def test_httpx_sees_why_a_stream_without_length_is_refused(service: Service, client: Client, large: Path) -> None:
    before = service.settled_files()
    client.problem(
        "POST", "/videos", 413, "upload_too_large", content=pieces(large), headers={"Content-Type": "video/mp4"}
    )
    service.expect_files(before)


@pytest.mark.parametrize("kind", ["length", "chunked"])
def test_aborted_upload_leaves_nothing(service: Service, client: Client, sample: Path, kind: str) -> None:
    before = service.settled_files()

    def breaking() -> Iterator[bytes]:
        yield sample.read_bytes()[:300_000]
        until(lambda: service.stored_files() != before)  # it has begun to be stored
        raise KeyboardInterrupt

    more = {"Content-Length": str(sample.stat().st_size)} if kind == "length" else {}
    with pytest.raises(KeyboardInterrupt), httpx.Client(base_url=client.http.base_url, timeout=60) as own:
        own.post(URL, content=breaking(), headers=headers(client, **more))
    gone(service, before)
    assert client.call("GET", "/videos", 200)["items"] == []


UPLOAD = """([token, url, kind, stopAt]) => new Promise(resolve => {
  const file = document.getElementById("file").files[0];
  const form = new FormData();
  form.append("video", file);
  const request = new XMLHttpRequest();
  let seen = 0;
  request.upload.onprogress = event => {
    seen += 1;
    if (stopAt && event.loaded >= stopAt) request.abort();
  };
  const done = what => () => resolve([what, request.status, request.responseText, seen]);
  request.onload = done("answer");
  request.onerror = done("error");
  request.onabort = done("abort");
  request.open("POST", url);
  request.setRequestHeader("Authorization", "Bearer " + token);
  request.send(kind === "form" ? form : file);
})"""


class Browser:
    """A page of the service, with a file chosen in it."""

    def __init__(self, page: Page, client: Client) -> None:
        self._page, self._client = page, client
        page.goto(f"{client.http.base_url}/docs")
        page.evaluate("() => document.body.insertAdjacentHTML('afterbegin', '<input type=file id=file>')")

    def upload(self, path: Path, kind: str, stop_at: int = 0) -> tuple[str, int, str, int]:
        """What came of it, status, body, and how often the page was told of the progress."""
        self._page.locator("#file").set_input_files(str(path))
        what, status, body, seen = self._page.evaluate(
            UPLOAD, [self._client.tokens["access_token"], URL, kind, stop_at]
        )
        return what, status, body, seen


@pytest.mark.parametrize("kind", ["form", "raw"])
def test_a_browser_uploads(page: Page, client: Client, sample: Path, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "Übung ✓ 1.mp4"
    path.write_bytes(sample.read_bytes())
    what, status, body, seen = Browser(page, client).upload(path, kind)
    assert (what, status) == ("answer", 201), body
    assert seen
    video = json.loads(body)
    assert video["name"] == ("Übung ✓ 1.mp4" if kind == "form" else None)
    assert client.request("GET", f"/videos/{video['id']}/content").content == sample.read_bytes()


@pytest.mark.parametrize("kind", ["form", "raw"])
def test_a_browser_sees_why_it_is_refused(page: Page, client: Client, large: Path, kind: str) -> None:
    what, status, body, _ = Browser(page, client).upload(large, kind)
    assert (what, status) == ("answer", 413), body
    assert "upload_too_large" in body


def test_aborted_browser_upload_leaves_nothing(
    service: Service, page: Page, client: Client, large: Path, tmp_path: Path
) -> None:
    path = tmp_path / "small.mp4"
    path.write_bytes(large.read_bytes()[: LIMIT - 1000])
    before = service.settled_files()
    what, *_ = Browser(page, client).upload(path, "form", stop_at=1)
    assert what == "abort"
    gone(service, before)
    assert client.call("GET", "/videos", 200)["items"] == []


def gone(service: Service, before: list[str]) -> None:
    """Wait until nothing is stored that was not before."""
    until(lambda: service.stored_files() == before)
