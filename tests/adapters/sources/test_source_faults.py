"""What sources say of cameras that refuse, mislead or break the rules; each ends with a reason, and leaves nothing."""

import asyncio
import socket
import struct
import time
from collections.abc import Iterator
from ipaddress import ip_network

import pytest

from contracts.live.streams import Reason
from contracts.network.address_rules import Network
from ingest.sources.http import request as http_request
from ingest.sources.http import source as http_source
from ingest.sources.network import connection as connection_module
from ingest.sources.network import pinned
from ingest.sources.network.address import parse
from ingest.sources.network.connection import Connection
from ingest.sources.port import SourceConfig, SourceFailed
from ingest.sources.rtsp import session as rtsp_session
from ingest.sources.rtsp.source import SCHEMES, RtspSource
from tests.support.live.live_sources import LOOPBACKS, MJPEG, PICTURES, failure, first_item, reason
from tests.support.servers.byte_server import Route, Web, chunked, reply
from tests.support.servers.scripted_camera import ScriptedCamera
from tests.support.videos.live import jpegs
from tests.support.waiting import until

PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nhttp://127.0.0.1/inner.ts\n"


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as running:
        yield running


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
        asyncio.run(pinned.connect(parse("rtsp://camera.example/x", ("rtsp",)), LOOPBACKS, resolve))
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
    "flood": ({"OPTIONS": b"RTSP/1.0 200 OK\r\nCSEQ\r\n\r\n" + b"A\n\n" * 9000}, Reason.NOT_A_STREAM),
    "silent": ({"OPTIONS": b"\r\n"}, Reason.UNREACHABLE),
}  # fmt: skip


@pytest.mark.parametrize("case", RTSP_ANSWERS)
def test_what_a_camera_answers_instead(case: str, request: pytest.FixtureRequest) -> None:
    if case == "silent":  # the others answer, however slow the machine is
        request.getfixturevalue("hasty")
    answers, expected = RTSP_ANSWERS[case]
    with ScriptedCamera(answers=answers) as camera:
        assert reason(failure(camera.url())) == (expected, False)


def test_media_before_the_answer_to_play_is_kept_within_bounds() -> None:
    packets = [rtp(number, b"\x65" + bytes(60_000)) for number in range(100)]
    early = b"".join(b"$\2" + len(one).to_bytes(2, "big") + one for one in packets)
    with ScriptedCamera(answers={"PLAY": early + b"RTSP/1.0 200 OK\r\nCSEQ\r\n\r\n"}) as camera:
        kept = asyncio.run(media_of(camera))
    assert kept[-1] == packets[-1]
    assert 3_000_000 < sum(map(len, kept)) < 5_000_000


def rtp(number: int, payload: bytes) -> bytes:
    return struct.pack(">BBHII", 0x80, 0x80 | 96, number, number * 3000, 1) + payload


async def media_of(camera: ScriptedCamera) -> list[bytes]:
    """What waits when PLAY is answered."""
    place = parse(camera.url(), SCHEMES)
    session = rtsp_session.Session(await pinned.connect(place, LOOPBACKS), place)
    await session.ask("PLAY", place.url)
    await session.end(place.url)
    return [data for _, data in session.media]


def test_the_session_is_kept_alive_and_ended() -> None:
    async def run() -> None:
        source = RtspSource(camera.url("viewer:s3cr%40t"), LOOPBACKS)
        await source.open()
        reading = asyncio.create_task(source.read())
        await asyncio.to_thread(until, lambda: camera.methods().count("GET_PARAMETER") == 2)
        reading.cancel()
        await asyncio.wait([reading])
        await source.close()

    # The camera takes no nonce for longer than a second.
    with ScriptedCamera(login=("viewer", "s3cr@t")) as camera:
        camera.renew.set()
        began = time.monotonic()
        asyncio.run(run())
        assert time.monotonic() - began > 0.9
        assert camera.closed.wait(30)
        again = ["GET_PARAMETER"] * max(2, len(camera.methods()) - 6)  # a busy machine sends more before it ends
        assert camera.methods() == ["OPTIONS", "OPTIONS", "DESCRIBE", "SETUP", "PLAY", *again, "TEARDOWN"]
        assert all("Session: 7\r\n" in one for one in camera.requests[4:])
        assert [camera.nonce in one for one in camera.requests[5:]] == [False, *[True] * len(again)]


def peeked(connection: Connection) -> bytes:
    """What has come and was not read."""
    try:
        return connection._socket.recv(100, socket.MSG_PEEK)
    except BlockingIOError:
        return b""


async def at_beats(reading: asyncio.Task[bytes]) -> bytes:
    """What is read when beats come."""
    while not reading.done():
        connection_module._beats()._look()
        await asyncio.sleep(0.001)
    return reading.result()


def test_pieces_that_come_between_two_beats_are_read_together(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> list[bytes]:
        monkeypatch.setattr(connection_module, "BEAT_SECONDS", 3600)  # the test gives the beats
        senders: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()
        server = await asyncio.start_server(lambda _, writer: senders.put_nowait(writer), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        connection = await pinned.connect(parse(f"rtsp://127.0.0.1:{port}/x", ("rtsp",)), LOOPBACKS)
        sender = await senders.get()
        reading = asyncio.create_task(connection.read())
        for piece in (b"one", b"two"):
            sender.write(piece)
            await sender.drain()
        while len(peeked(connection)) < 6:
            await asyncio.sleep(0.001)
        found = [await at_beats(reading)]
        sender.write(b"three")
        sender.close()
        await sender.wait_closed()
        found += [await at_beats(asyncio.create_task(connection.read())) for _ in range(2)]
        await connection.close()
        server.close()
        await server.wait_closed()
        return found

    assert asyncio.run(asyncio.wait_for(run(), 120)) == [b"onetwo", b"three", b""]
