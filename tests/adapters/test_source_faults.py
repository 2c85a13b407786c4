"""What sources say of cameras that refuse, mislead or break the rules; each ends with a reason, and leaves nothing."""

import asyncio
import base64
import hashlib
import re
import socket
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from typing import Any

import psutil
import pytest

from contracts.live.streams import Reason
from contracts.network.address_rules import Network
from ingest.sources.http import request as http_request
from ingest.sources.http import source as http_source
from ingest.sources.http.source import HttpSource
from ingest.sources.network import pinned
from ingest.sources.network.address import parse
from ingest.sources.port import SourceConfig, SourceFailed
from ingest.sources.rtsp import session as rtsp_session
from ingest.sources.rtsp.source import RtspSource
from tests.support.servers.byte_server import Route, Web, chunked, redirect, reply
from tests.support.servers.scripted_camera import ScriptedCamera
from tests.support.videos.live import jpegs, multipart
from tests.support.waiting import until

LOOPBACK = (ip_network("127.0.0.0/8"),)
SECRET = "s3cr@t"
WRITTEN = "viewer:s3cr%40t"
MJPEG = 'multipart/x-mixed-replace;boundary="--frame"'
PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nhttp://127.0.0.1/inner.ts\n"


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as running:
        yield running


def failure(address: str, networks: tuple[Network, ...] = LOOPBACK, items: int = 2) -> SourceFailed:
    """What opening an address and reading some items fails with; nothing is left, and no password is told."""

    async def run() -> SourceFailed:
        with pytest.raises(SourceFailed) as failed:
            await read(address, networks, items)
        return failed.value

    before = psutil.Process().children()  # servers of other tests
    error = asyncio.run(run())
    assert "s3cr" not in error.detail
    assert psutil.Process().children() == before
    return error


async def read(address: str, networks: tuple[Network, ...], items: int) -> list[Any]:
    source = (RtspSource if address.startswith("rtsp") else HttpSource)(address, networks)
    try:
        await source.open()
        return [await source.read() for _ in range(items)]
    finally:
        await source.close()


def first_item(address: str) -> Any:
    return asyncio.run(read(address, LOOPBACK, 1))[0]


def reason(error: SourceFailed) -> tuple[Reason, bool]:
    return error.reason, error.permanent


def asking(challenge: str, allows: Callable[[str], bool], served: Route) -> Callable[[Web], Route]:
    """A route that wants a login."""

    def of(web: Web) -> Route:
        refused = reply(b"", "401 Unauthorized", None, WWW_Authenticate=challenge)

        def answer(connection: socket.socket) -> object:
            return (served if allows(web.requests[-1]) else refused)(connection)

        return answer

    return of


def basic_ok(head: str) -> bool:
    return f"Authorization: Basic {base64.b64encode(f'viewer:{SECRET}'.encode()).decode()}\r\n" in head


def digest_ok(head: str) -> bool:
    """By hand, apart from the code that is tested."""
    fields = dict(re.findall(r'(\w+)="?((?:[^",\\]|\\.)*)"?', head.partition("Authorization: Digest ")[2]))

    def sha(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    if not fields:
        return False
    middle = ":".join((fields["nonce"], fields["nc"], fields["cnonce"], "auth"))
    expected = sha(f"{sha(f'viewer:door:{SECRET}')}:{middle}:{sha('GET:' + head.split(' ')[1])}")
    return (fields["response"], fields["uri"], fields["opaque"]) == (expected, head.split(" ")[1], "o")


BASIC = 'Basic realm="door"'
DIGEST = 'Digest realm="door", qop="auth,auth-int", nonce="n", opaque="o", algorithm=SHA-256'
PICTURES = multipart(jpegs(2))


@pytest.mark.parametrize(
    ("challenge", "allows"), [(BASIC, basic_ok), (DIGEST, digest_ok), (f"{DIGEST}, {BASIC}", digest_ok)]
)
def test_http_logs_in(web: Web, challenge: str, allows: Callable[[str], bool]) -> None:
    web.serve("/camera", asking(challenge, allows, chunked(iter(PICTURES), MJPEG))(web))
    found = first_item(f"http://{WRITTEN}@127.0.0.1:{web.port}/camera?channel=1")
    assert found == SourceConfig("mjpeg", b"", 160, 96)


@pytest.mark.parametrize("challenge", [BASIC, DIGEST])
@pytest.mark.parametrize("login", ["", "viewer:s3cret@"])
def test_http_without_the_right_password_is_refused_and_not_tried_again(web: Web, challenge: str, login: str) -> None:
    web.serve("/camera", asking(challenge, lambda head: False, reply(b""))(web))
    assert reason(failure(f"http://{login}127.0.0.1:{web.port}/camera")) == (Reason.UNAUTHORIZED, True)
    assert web.connections == (2 if login else 1)


@pytest.mark.parametrize("scheme", ["basic", "digest"])
def test_rtsp_logs_in(scheme: str) -> None:
    with ScriptedCamera(login=("viewer", SECRET), scheme=scheme, encoding="MJPG") as camera:
        assert reason(failure(camera.url(WRITTEN))) == (Reason.UNSUPPORTED_CODEC, True)
        assert camera.methods() == ["OPTIONS", "OPTIONS", "DESCRIBE"]


@pytest.mark.parametrize(
    ("scheme", "login", "requests"),
    [("basic", "viewer:s3cret", 2), ("digest", "viewer:s3cret", 2), ("digest", "", 1)],
)
def test_rtsp_without_the_right_password_is_refused_and_not_tried_again(scheme: str, login: str, requests: int) -> None:
    with ScriptedCamera(login=("viewer", SECRET), scheme=scheme) as camera:
        assert reason(failure(camera.url(login))) == (Reason.UNAUTHORIZED, True)
        assert len(camera.requests) == requests


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_nobody_at_the_address(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    error = failure(f"{scheme}://viewer:s3cr%40t@127.0.0.1:{port}/x")
    assert reason(error) == (Reason.UNREACHABLE, False)
    assert f"127.0.0.1:{port}" in error.detail


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
@pytest.mark.parametrize("networks", [(), (ip_network("127.0.1.0/24"),)])
def test_an_address_outside_the_allowed_networks_is_not_connected_to(
    scheme: str, networks: tuple[Network, ...]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        error = failure(f"{scheme}://127.0.0.1:{port}/x", networks)
        assert reason(error) == (Reason.NOT_ALLOWED, True)
        assert "STREAM_ALLOW_NETWORKS" in error.detail
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([], (Reason.UNREACHABLE, False)),
        (["127.0.0.1", "10.0.0.1"], (Reason.NOT_ALLOWED, True)),
        (["169.254.169.254"], (Reason.NOT_ALLOWED, True)),
    ],
)
def test_all_addresses_of_a_name_must_be_allowed(found: list[str], expected: tuple[Reason, bool]) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        assert (host, port) == ("camera.example", 554)
        return found

    with pytest.raises(SourceFailed) as failed:
        asyncio.run(pinned.connect(parse("rtsp://camera.example/x", ("rtsp",)), LOOPBACK, resolve))
    assert reason(failed.value) == expected


def test_a_name_is_looked_up_once_and_kept_in_the_request(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    monkeypatch.setattr(pinned.connect, "__defaults__", (resolve,))
    web.serve("/camera", chunked(iter(PICTURES), MJPEG))
    assert first_item(f"http://camera.example:{web.port}/camera") == SourceConfig("mjpeg", b"", 160, 96)
    assert asked == ["camera.example"]
    assert f"Host: camera.example:{web.port}\r\n" in web.requests[0]
    with ScriptedCamera(encoding="MJPG") as camera:
        failure(f"rtsp://camera.example:{camera.port}/x")
        assert [one.split(" ")[1] for one in camera.requests] == [f"rtsp://camera.example:{camera.port}/x"] * 2


def test_redirects_are_followed(web: Web) -> None:
    allowed = asking(BASIC, basic_ok, chunked(iter(PICTURES), MJPEG))
    web.serve("/camera", allowed(web))
    web.serve("/moved", redirect("/camera"))
    assert first_item(f"http://{WRITTEN}@127.0.0.1:{web.port}/moved") == SourceConfig("mjpeg", b"", 160, 96)
    assert sum("Authorization" in one for one in web.requests) == 1


def test_a_password_is_not_sent_to_another_server(web: Web) -> None:
    with Web() as other:
        other.serve("/camera", asking(BASIC, basic_ok, reply(b""))(other))
        web.serve("/moved", redirect(f"{other.url}/camera"))
        assert reason(failure(f"http://{WRITTEN}@127.0.0.1:{web.port}/moved")) == (Reason.UNAUTHORIZED, True)
        assert "Authorization" not in "".join(other.requests)


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_a_redirect_to_a_forbidden_place_is_refused(web: Web, scheme: str) -> None:
    """A second address of this host stands for the inner network."""
    with Web("127.0.0.2") as inner:
        target = f"{scheme}://127.0.0.2:{inner.port}/inner"
        web.serve("/moved", redirect(target))
        moved = f"RTSP/1.0 302 Moved\r\nCSEQ\r\nLocation: {target}\r\n\r\n".encode()
        with ScriptedCamera(answers={"DESCRIBE": moved}) as camera:
            address = camera.url() if scheme == "rtsp" else f"{web.url}/moved"
            assert reason(failure(address, (ip_network("127.0.0.1/32"),))) == (Reason.NOT_ALLOWED, True)
        assert inner.connections == 0


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "rtsp://127.0.0.1/x", "http://user@127.0.0.1/x", "http://127.0.0.1:25/"]
)
def test_a_redirect_to_something_else_than_a_web_address_is_refused(web: Web, target: str) -> None:
    web.serve("/moved", redirect(target))
    assert reason(failure(f"{web.url}/moved")) == (Reason.NOT_ALLOWED, True)


def test_redirects_without_end_are_refused(web: Web) -> None:
    web.serve("/moved", redirect("/moved"))
    assert reason(failure(f"{web.url}/moved")) == (Reason.NOT_A_STREAM, True)
    assert web.connections == 4
    with ScriptedCamera() as camera:
        camera.answer("DESCRIBE", f"RTSP/1.0 301 Moved\r\nCSEQ\r\nLocation: {camera.url()}\r\n\r\n".encode())
        assert reason(failure(camera.url())) == (Reason.NOT_A_STREAM, True)


@pytest.mark.parametrize(
    ("route", "told"),
    [
        (reply(PLAYLIST, kind="application/vnd.apple.mpegurl"), "playlist"),
        (reply(PLAYLIST, kind="video/mp2t"), "playlist"),
        (reply(b'<?xml version="1.0"?><MPD>' + b" " * 20, kind="application/dash+xml"), "playlist"),
        (reply(b"<!DOCTYPE html><html></html>", kind="text/html; charset=utf-8"), "page"),
        (reply(b"  <html>" + b" " * 99, kind=None), "page"),
        (reply(jpegs(1)[0], kind="image/jpeg"), "single pictures"),
        (reply(b"ffconcat version 1.0\nfile /etc/passwd\n", kind="video/mp4"), "no known stream"),
        (reply(b"\0\0\0\x18ftypisom" + b"\0" * 5000, kind="video/mp4"), "fragmented mp4"),
        (reply(b"\x47" + b"x" * 5000, kind="video/mp2t"), "MPEG-TS"),
        (reply(b"", "404 Not Found"), "404"),
        (chunked(iter([b"--frame\r\n" + b"x" * 70_000]), MJPEG), "head without end"),
    ],
)  # fmt: skip
def test_what_is_no_stream_is_refused(web: Web, route: Route, told: str) -> None:
    error = failure(web.serve("/camera", route))
    assert reason(error) == (Reason.NOT_A_STREAM, False)
    assert told in error.detail


def endless(first: bytes, again: bytes) -> Route:
    def send(connection: socket.socket) -> None:
        connection.sendall(first)
        while True:  # until the client goes
            connection.sendall(again * 100)

    return send


@pytest.mark.parametrize(
    "route",
    [
        endless(b"HTTP/1.1 200 OK\r\n", b"X-More: 1\r\n"),
        endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        endless(b"", b"SSH-2.0-OpenSSH\r\n\r\n"),
    ],
)
def test_a_head_without_end_is_left(web: Web, route: Route) -> None:
    assert reason(failure(web.serve("/camera", route))) == (Reason.NOT_A_STREAM, False)


def test_bytes_that_are_no_chunks_end_the_stream(web: Web) -> None:
    def send(connection: socket.socket) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {MJPEG}\r\nTransfer-Encoding: chunked\r\n\r\n"
        body = b"%x\r\n%b\r\n" % (len(PICTURES[0]), PICTURES[0])
        connection.sendall(head.encode() + body + b"no number\r\n")
        until(lambda: not connection.recv(1))

    assert reason(failure(web.serve("/camera", send), items=3)) == (Reason.NOT_A_STREAM, False)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (http_request, http_source):
        monkeypatch.setattr(module, "HEAD_SECONDS", 0.3)
    monkeypatch.setattr(rtsp_session, "ANSWER_SECONDS", 0.3)


@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
@pytest.mark.usefixtures("hasty")
def test_a_server_that_does_not_go_on_is_left(web: Web, begun: bytes) -> None:
    def send(connection: socket.socket) -> None:
        connection.sendall(begun)
        until(lambda: not connection.recv(1))

    assert reason(failure(web.serve("/camera", send))) == (Reason.UNREACHABLE, False)


SOUND = b"RTSP/1.0 200 OK\r\nCSEQ\r\nContent-Length: 19\r\n\r\nm=audio 0 RTP/AVP 0"
RTSP_ANSWERS = {
    "404": ({"DESCRIBE": b"RTSP/1.0 404 Not Found\r\nCSEQ\r\n\r\n"}, Reason.NOT_A_STREAM),
    "503": ({"DESCRIBE": b"RTSP/1.0 503 Service Unavailable\r\nCSEQ\r\n\r\n"}, Reason.UNREACHABLE),
    "sound": ({"DESCRIBE": SOUND}, Reason.NOT_A_STREAM),
    "udp": ({"SETUP": b"RTSP/1.0 461 Unsupported Transport\r\nCSEQ\r\n\r\n"}, Reason.NOT_A_STREAM),
    "play": ({"PLAY": b"RTSP/1.0 453 Not Enough Bandwidth\r\nCSEQ\r\n\r\n"}, Reason.UNREACHABLE),
    "web": ({"OPTIONS": b"HTTP/1.1 400 Bad Request\r\n\r\n\0\1\2\3\4"}, Reason.NOT_A_STREAM),
    "endless": ({"OPTIONS": b"RTSP/1.0 200 OK\r\n" + b"X-More: 1\r\n" * 9000}, Reason.NOT_A_STREAM),
    "huge": ({"DESCRIBE": b"RTSP/1.0 200 OK\r\nCSEQ\r\nContent-Length: 99999999\r\n\r\n"}, Reason.NOT_A_STREAM),
    "silent": ({"OPTIONS": b"\r\n"}, Reason.UNREACHABLE),
}  # fmt: skip


@pytest.mark.parametrize("case", RTSP_ANSWERS)
@pytest.mark.usefixtures("hasty")
def test_what_a_camera_answers_instead(case: str) -> None:
    answers, expected = RTSP_ANSWERS[case]
    with ScriptedCamera(answers=answers) as camera:
        assert reason(failure(camera.url())) == (expected, False)


def test_the_session_is_kept_alive_and_ended() -> None:
    async def run() -> None:
        source = RtspSource(camera.url(), LOOPBACK)
        await source.open()
        reading = asyncio.create_task(source.read())
        await asyncio.to_thread(until, lambda: "GET_PARAMETER" in camera.methods())
        reading.cancel()
        await asyncio.wait([reading])
        await source.close()

    with ScriptedCamera() as camera:
        began = time.monotonic()
        asyncio.run(run())
        assert time.monotonic() - began > 0.9
        assert camera.closed.wait(30)
        assert camera.methods() == ["OPTIONS", "DESCRIBE", "SETUP", "PLAY", "GET_PARAMETER", "TEARDOWN"]
        assert all("Session: 7\r\n" in one for one in camera.requests[3:])
