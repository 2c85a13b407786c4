"""What a server may do before the head of its answer: for imports and webhooks alike."""

import socket
import time
from collections.abc import Iterator
from ipaddress import ip_network

import anyio
import pytest

from api.outbound.guarded_network import GuardedNetwork
from api.outbound.head_limit import HEAD_MAX_BYTES, HeadLimit
from api.outbound.http_client import HttpClient
from api.outbound.name_lookup import Lookups
from contracts.errors import ImportFailed
from contracts.network.address_rules import parse
from tests.support.servers.byte_server import Route, Web, reply

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture
def web() -> Iterator[Web]:
    with Web("127.0.0.2") as running:
        yield running


async def ask(web: Web, route: Route, head_seconds: float = 30) -> bytes:
    """The body."""
    client = HttpClient(GuardedNetwork((ip_network("127.0.0.2/32"),), Lookups()), 5, 5, head_seconds)
    async with client.request("carol", "GET", parse(web.serve("/x", route)), []) as answer:
        return b"".join([piece async for piece in answer.aiter_stream()])


def endlessly(piece: bytes, pause: float = 0) -> Route:
    def send(connection: socket.socket) -> None:
        while True:  # until nobody listens any more
            connection.sendall(piece)
            time.sleep(pause)

    return send


def test_interim_answers_without_end_are_bounded_in_bytes(web: Web) -> None:
    with pytest.raises(ImportFailed, match=f"{HEAD_MAX_BYTES} bytes without the head"):
        anyio.run(ask, web, endlessly(CONTINUE * 1000))


def test_interim_answers_without_end_are_bounded_in_time(web: Web) -> None:
    with pytest.raises(ImportFailed, match=r"no answer within 0\.3 s"):
        anyio.run(ask, web, endlessly(CONTINUE, 0.02), 0.3)


def test_some_interim_answers_are_passed_over(web: Web) -> None:
    assert anyio.run(ask, web, lambda connection: connection.sendall(CONTINUE * 2000 + OK)) == b"ok"


def test_the_head_is_read_in_small_pieces() -> None:
    """All of a read is parsed at once: 64 KiB of interim answers hold the event loop for 30 ms, 4 KiB for 3."""
    limit = HeadLimit(GuardedNetwork((), Lookups()))
    assert limit.most(65536) == 4096
    limit.head_ended = True
    assert limit.most(65536) == 65536


def test_the_body_is_not_bounded_as_the_head_is(web: Web) -> None:
    assert anyio.run(ask, web, reply(b"x" * 3 * HEAD_MAX_BYTES)) == b"x" * 3 * HEAD_MAX_BYTES
