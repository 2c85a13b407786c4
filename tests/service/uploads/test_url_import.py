"""Import by URL: as good as an upload, only from where it may come, and nothing left behind when it fails."""

import gzip
import hashlib
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from api.uploads.url_import import ImportRequest
from tests.support.deployments.modes import EmbeddedMode
from tests.support.deployments.service import SPEC, Client, Service
from tests.support.models import tiny_model
from tests.support.servers.byte_server import Route, Web, certificate, chunked, redirect, reply
from tests.support.servers.debian import require
from tests.support.waiting import until

LIMIT = 5_000_000
# Spellings of loopback that a resolver understands, or that a careless reader of URLs takes for something else.
SPELLINGS = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "017700000001",
    "0177.0.0.01",
    "0",
    "0.0.0.0",  # noqa: S104
    "localhost",
    "LOCALHOST.",
    "127.0.0.1.",
    "１２７.0.0.1",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[2002:7f00:1::]",
]


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require("openssl")
    return certificate(tmp_path_factory.mktemp("tls"), "IP:127.0.0.1")


@pytest.fixture(scope="module")
def importing(tmp_path_factory: pytest.TempPathFactory, pem: Path) -> Iterator[Service]:
    """A service that may import from this very address, and no other that is not public. Proxies of
    its environment would lead every import astray."""
    proxies = dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:1")
    # Each process counts its imports: one, so that a third is one too many.
    limits = {"IMPORT_CONCURRENCY": 2, "API_WORKERS": 1, "UPLOAD_MAX_BYTES": LIMIT}
    folder = tmp_path_factory.mktemp("importing")
    settings = {"IMPORT_ALLOW_NETWORKS": "127.0.0.1/32", **limits, **tiny_model.as_default(folder)}
    with EmbeddedMode().run(folder, SSL_CERT_FILE=pem, **settings, **proxies) as running:
        yield running


@pytest.fixture
def client(importing: Service) -> Iterator[Client]:
    """A new user; every test must leave nothing stored."""
    before = importing.settled_files()
    user = importing.client()
    yield user
    for video in user.call("GET", "/videos", 200)["items"]:
        user.call("DELETE", f"/videos/{video['id']}", 204)
    importing.expect_files(before)


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as running:
        yield running


def fetched(client: Client, url: str, **facts: Any) -> Any:
    return client.call("POST", "/videos", 201, json={"url": url, **facts})


def refused(client: Client, url: str, code: str, status: int = 422) -> str:
    before = [video["id"] for video in client.call("GET", "/videos", 200)["items"]]
    detail = client.problem("POST", "/videos", status, code, json={"url": url})
    assert [video["id"] for video in client.call("GET", "/videos", 200)["items"]] == before
    return detail


def test_query_parameters_are_defaults_for_the_document(client: Client, web: Web, sample: Path) -> None:
    url = web.serve("/things.mp4", reply(sample.read_bytes()))
    said = {"source": "camera 1", "tags": "a,b", "name": "there"}
    video = client.call("POST", "/videos", 201, json={"url": url, "name": "here"}, params=said)
    assert (video["name"], video["source"], video["tags"]) == ("here", "camera 1", ["a", "b"])


def test_import_gives_the_same_video_as_an_upload(client: Client, web: Web, sample: Path) -> None:
    url = web.serve("/a/th%C3%ADngs.mp4", reply(sample.read_bytes()))
    facts = {"source": "camera 1", "tags": ["a", "b c"], "recorded_at": "2026-01-31T12:00:00+01:00"}
    response = client.request("POST", "/videos", json={"url": f"{url}?sig=x#part", **facts})
    assert response.status_code == 201
    video = response.json()
    assert response.headers["location"] == f"/api/v1/videos/{video['id']}"
    uploaded = client.upload(sample)
    same = ("size_bytes", "sha256", "media", "content_type")
    assert video["media"]
    assert [video[key] for key in same] == [uploaded[key] for key in same]
    assert (video["name"], video["source"], video["tags"]) == ("thíngs.mp4", "camera 1", ["a", "b c"])
    assert video["recorded_at"] == "2026-01-31T11:00:00Z"
    assert client.request("GET", f"/videos/{video['id']}/content").content == sample.read_bytes()
    assert client.wait(client.start(video, options={"every_n": 25}))["state"] == "succeeded"
    (head,) = web.requests
    assert head.startswith("GET /a/th%C3%ADngs.mp4?sig=x HTTP/1.1\r\n")
    assert f"\r\nHost: 127.0.0.1:{web.port}\r\n" in head
    assert "\r\nAccept-Encoding: identity\r\n" in head
    assert "authorization" not in head.lower()


def test_given_name_replaces_that_of_the_url(client: Client, web: Web, sample: Path) -> None:
    url = web.serve("/x.mp4", reply(sample.read_bytes()))
    assert fetched(client, url, name="mine", tags=[])["name"] == "mine"


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("Video/MP4; codecs=x", "video/mp4"),
        ("application/octet-stream", "application/octet-stream"),
        ("binary/octet-stream", "application/octet-stream"),
        ("image/gif", "application/octet-stream"),
        (None, "application/octet-stream"),
    ],
)
def test_video_content_types_are_accepted(client: Client, web: Web, sample: Path, told: str | None, kept: str) -> None:
    video = fetched(client, web.serve("/x", reply(sample.read_bytes(), kind=told)))
    assert video["content_type"] == kept


@pytest.mark.parametrize("told", ["text/html; charset=utf-8", "application/json", "text/plain", "a b\x01/c"])
def test_other_content_types_are_refused(client: Client, web: Web, sample: Path, told: str) -> None:
    detail = refused(client, web.serve("/x", reply(sample.read_bytes(), kind=told)), "video_refused")
    assert (told.partition(";")[0] if "\x01" not in told else "unknown type") in detail
    assert ("a web page" in detail) == ("html" in told)


def test_imported_file_that_is_not_a_video_is_refused(client: Client, web: Web) -> None:
    detail = refused(client, web.serve("/x.mp4", reply(b"This is a text and no video at all. " * 100)), "video_refused")
    assert "not a video" in detail


def test_body_without_a_length_is_imported_completely(client: Client, web: Web, sample: Path) -> None:
    content = sample.read_bytes()
    pieces = iter([content[start : start + 10_000] for start in range(0, len(content), 10_000)])
    assert fetched(client, web.serve("/c", chunked(pieces)))["size_bytes"] == len(content)
    until_closed = reply(content, Content_Length=None, Connection="close")
    assert fetched(client, web.serve("/e", until_closed))["sha256"] == hashlib.sha256(content).hexdigest()


def test_redirects_are_followed(client: Client, web: Web, sample: Path) -> None:
    web.serve("/end/last.mp4", reply(sample.read_bytes()))
    statuses = ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"]
    steps = ["b?x=1", "/c", f"{web.url}/d", f"//127.0.0.1:{web.port}/e", "end/last.mp4"]
    for path, step, status in zip("abcde", steps, statuses, strict=True):
        web.serve(f"/{path}", redirect(step, status))
    assert fetched(client, f"{web.url}/a")["name"] == "last.mp4"
    assert [head.split(" ")[1] for head in web.requests] == ["/a", "/b?x=1", "/c", "/d", "/e", "/end/last.mp4"]


def test_too_many_redirects_are_refused(client: Client, web: Web) -> None:
    assert "more than 5" in refused(client, web.serve("/loop", redirect("/loop")), "import_failed")
    assert web.connections == 6


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]:{port}/x",
        "http://127.0.0.2:{port}/x",
        "http://10.0.0.1/x",
        "http://no-such-host.invalid/x",
    ],
)
def test_redirect_to_a_private_address_is_refused(client: Client, web: Web, location: str) -> None:
    detail = refused(client, web.serve("/x", redirect(location.format(port=web.port))), "import_refused")
    assert detail == "the host is unknown or not on the public internet: give a public address"
    assert web.connections == 1


@pytest.mark.parametrize("location", ["file:///etc/passwd", "http://u:p@127.0.0.1/", "http://127.0.0.1:25/"])
def test_redirect_to_an_invalid_url_is_refused(client: Client, web: Web, location: str) -> None:
    assert refused(client, web.serve("/x", redirect(location)), "import_refused").startswith("after a redirect: ")


def test_only_status_200_is_accepted(client: Client, web: Web, sample: Path) -> None:
    content = sample.read_bytes()
    for status in ("404 Not Found", "500 Internal Server Error", "206 Partial Content", "204 No Content", "299 Hm"):
        detail = refused(client, web.serve("/x", reply(content, status)), "import_failed")
        assert f"answered {status[:3]}" in detail
    assert "answered 302" in refused(client, web.serve("/x", reply(b"", "302 Found")), "import_failed")


def hang_up(_: socket.socket) -> None:
    """Not a byte."""


def reset_halfway(connection: socket.socket) -> None:
    reply(bytes(1000), Content_Length=2000)(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")  # ends with a reset


def of_another_protocol(connection: socket.socket) -> None:
    connection.sendall(b"220 mail.example ESMTP\r\n")


@pytest.mark.parametrize(
    ("route", "code", "says"),
    [
        (reply(b""), "empty_upload", "empty"),
        (reply(bytes(1000), Content_Length=2000), "import_failed", "closed before the end of the file"),
        (reset_halfway, "import_failed", "closed before the end of the file"),
        (hang_up, "import_failed", "does not respond like a web server"),
        (of_another_protocol, "import_failed", "does not respond like a web server"),
        (reply(bytes(1000), Content_Length="many"), "import_failed", "does not respond like a web server"),
        (reply(bytes(1000), X="x" * 200_000), "import_failed", "without the head of an answer"),
        (reply(gzip.compress(bytes(100_000_000)), Content_Encoding="gzip"), "import_failed", "compressed"),
    ],
    ids=["empty", "short", "reset", "closed at once", "no http", "no length", "endless head", "bomb"],
)
def test_incomplete_file_is_refused(client: Client, web: Web, route: Route, code: str, says: str) -> None:
    assert says in refused(client, web.serve("/x.mp4", route), code)


def test_refused_connection_is_reported(client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert "cannot be reached" in refused(client, f"http://127.0.0.1:{port}/", "import_failed")


def test_a_length_over_the_limit_is_refused_before_the_body(client: Client, web: Web) -> None:
    left: list[bytes] = []

    def wait(connection: socket.socket) -> None:
        reply(b"", Content_Length=LIMIT + 1)(connection)
        left.append(connection.recv(1))  # until the service goes

    assert str(LIMIT) in refused(client, web.serve("/x", wait), "upload_too_large", 413)
    until(lambda: left == [b""])


def test_body_over_the_limit_is_refused_while_downloading(client: Client, web: Web) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while sent < 100 * LIMIT:
            sent += 100_000
            yield bytes(100_000)

    refused(client, web.serve("/x", chunked(endless())), "upload_too_large", 413)
    assert sent < 50 * LIMIT  # what the sockets between hold is less


def test_https_is_verified(client: Client, pem: Path, tmp_path: Path, sample: Path) -> None:
    with Web(tls=_tls(pem)) as trusted:
        url = trusted.serve("/x.mp4", reply(sample.read_bytes()))
        assert fetched(client, url)["media"]
        down = trusted.serve("/down", redirect(f"http://127.0.0.1:{trusted.port}/x.mp4"))
        assert "stays encrypted" in refused(client, down, "import_refused")
    with Web(tls=_tls(certificate(tmp_path, "IP:127.0.0.1"))) as unknown:
        url = unknown.serve("/x.mp4", reply(sample.read_bytes()))
        assert "certificate" in refused(client, url, "import_failed")
        assert unknown.requests == []
    with Web() as plain:
        url = plain.url.replace("http:", "https:")
        assert "TLS" in refused(client, url, "import_failed")


def _tls(pem: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


def test_private_networks_are_refused_by_default(service: Service, web: Web) -> None:
    """One answer for all of them, of hosts that exist as of those that do not, and not one connection."""
    user, before = service.client(), service.settled_files()
    hosts = [*SPELLINGS, "10.0.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254", "[fd00::1]", "[fe80::1]"]
    urls = [f"http://{host}:{web.port}/" for host in [*hosts, "no-such-host.invalid"]]
    details = {refused(user, url, "import_refused") for url in [*urls, "https://127.0.0.1/", "http://127.0.0.1:8080/"]}
    assert details == {"the host is unknown or not on the public internet: give a public address"}
    assert web.connections == 0
    service.expect_files(before)


def test_every_spelling_of_a_private_address_is_refused(client: Client, web: Web, sample: Path) -> None:
    web.serve("/x", reply(sample.read_bytes()))
    for host in ("2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "127.0.0.1."):
        fetched(client, f"http://{host}:{web.port}/x")
    for host in ("127.0.0.2", "[::1]", "0"):
        refused(client, f"http://{host}:{web.port}/x", "import_refused")
    assert web.connections == 4


@pytest.mark.parametrize(
    ("body", "status", "code", "says"),
    [
        ({}, 422, "invalid_input", "url"),
        ({"url": 7}, 422, "invalid_input", "url"),
        ({"url": "http://a/", "uri": "x"}, 422, "invalid_input", "uri"),
        ({"url": "http://a/", "tags": "a,b"}, 422, "invalid_input", "tags"),
        ({"url": "http://a/", "tags": ["a,b"]}, 422, "invalid_input", "comma"),
        ({"url": "http://a/", "tags": ["x"] * 51}, 422, "invalid_input", "tags"),
        ({"url": "http://a/", "name": "x" * 256}, 422, "invalid_input", "name"),
        ({"url": "http://a/", "source": "x" * 256}, 422, "invalid_input", "source"),
        ({"url": "http://a/", "recorded_at": "yesterday"}, 422, "invalid_input", "recorded_at"),
        ({"url": "http://a/", "recorded_at": ""}, 422, "invalid_input", "recorded_at"),
        ([], 422, "invalid_input", "object"),
        ({"url": "ftp://a/"}, 422, "import_refused", "http"),
        ({"url": "http://user:secret@a/"}, 422, "import_refused", "user"),
        ({"url": "http://a/" + "a" * 3000}, 422, "import_refused", "2048"),
        (b"", 400, "malformed_request", "JSON"),
        (b"{", 400, "malformed_request", "JSON"),
        (b'{"url": "\xff"}', 400, "malformed_request", "JSON"),
        (b'{"url": "\\ud800"}', 400, "malformed_request", "JSON"),
        (b'{"url": "' + b"a" * 70_000, 413, "upload_too_large", "65536"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_invalid_documents_are_refused(client: Client, body: Any, status: int, code: str, says: str) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    detail = client.problem("POST", "/videos", status, code, content=content, headers=headers)
    assert says in detail
    assert "secret" not in detail


def test_document_agrees_with_the_spec() -> None:
    schema = SPEC["components"]["schemas"]["Import"]
    fields = msgspec.structs.fields(ImportRequest)
    assert set(schema["properties"]) == {field.name for field in fields}
    assert schema["required"] == [field.name for field in fields if field.required]


class Gate:
    """A route that begins to answer and goes on when it is opened."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._open = threading.Event()
        self.gone = threading.Event()

    def __call__(self, connection: socket.socket) -> None:
        half = len(self._content) // 2
        reply(self._content[:half], Content_Length=len(self._content))(connection)
        connection.settimeout(0.05)
        while not self._open.is_set():
            try:
                assert connection.recv(1) == b""
            except TimeoutError:
                continue
            except OSError:
                pass
            self.gone.set()
            return
        connection.sendall(self._content[half:])

    def open(self) -> None:
        self._open.set()


def test_disconnecting_client_cancels_its_import(importing: Service, client: Client, web: Web, sample: Path) -> None:
    gate = Gate(sample.read_bytes() * 4)
    url = web.serve("/x", gate)
    before = importing.settled_files()
    with pytest.raises(httpx.ReadTimeout):
        client.request("POST", "/videos", json={"url": url}, timeout=2)
    assert gate.gone.wait(30)
    importing.expect_files(before)
    assert client.call("GET", "/videos", 200)["items"] == []


def test_concurrent_imports_are_limited_and_shared(importing: Service, client: Client, web: Web, sample: Path) -> None:
    other = importing.client()
    gate = Gate(sample.read_bytes())
    url = web.serve("/x", gate)
    statuses: list[int] = []

    def ask(asking: Client) -> None:
        headers = {"Authorization": asking.http.headers["Authorization"]}
        answer = httpx.post(f"{client.http.base_url}/api/v1/videos", json={"url": url}, headers=headers, timeout=60)
        statuses.append(answer.status_code)

    running = [threading.Thread(target=ask, args=(asking,)) for asking in (client, other)]
    for place, thread in enumerate(running, 1):
        thread.start()
        until(lambda: web.connections == place)  # noqa: B023  (called at once)
        client.problem("POST", "/videos", 429, "too_many_imports", json={"url": url})
    client.call("DELETE", f"/videos/{client.upload(sample)['id']}", 204)  # uploads go on
    gate.open()
    for thread in running:
        thread.join()
    assert statuses == [201, 201]
    (video,) = other.call("GET", "/videos", 200)["items"]
    other.call("DELETE", f"/videos/{video['id']}", 204)
    fetched(client, url)
