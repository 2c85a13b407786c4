"""Cameras that want a login, or lead elsewhere."""

import base64
import hashlib
import re
import socket
from collections.abc import Callable, Iterator
from ipaddress import ip_network

import pytest

from contracts.live.streams import Reason
from ingest.sources.port import SourceConfig
from tests.support.live.live_sources import MJPEG, PICTURES, failure, first_item, reason
from tests.support.servers.byte_server import Route, Web, chunked, redirect, reply
from tests.support.servers.scripted_camera import ScriptedCamera

SECRET = "s3cr@t"
WRITTEN = "viewer:s3cr%40t"
BASIC = 'Basic realm="door"'
DIGEST = 'Digest realm="door", qop="auth,auth-int", nonce="n", opaque="o", algorithm=SHA-256'


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as running:
        yield running


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
