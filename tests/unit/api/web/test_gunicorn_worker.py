"""Connections and WebSockets of the worker, on a transport that the test plays."""

import asyncio
import logging
from typing import Any

import pytest
from gunicorn.asgi import websocket

from api.gunicorn_worker import Protocol, WebSocket
from api.web import problems
from api.web.websockets import SEND_NOW


class Transport:
    """Notes what is written. waiting: bytes that the client has not taken."""

    def __init__(self) -> None:
        self.written = b""
        self.waiting = 0
        self.ended: list[str] = []

    def set_write_buffer_limits(self, high: int) -> None:
        assert high == 0

    def get_extra_info(self, _name: str) -> Any:
        return type("Socket", (), {"family": None})

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def write(self, data: bytes) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return bool(self.ended)

    def can_write_eof(self) -> bool:
        return False

    def close(self) -> None:
        self.ended.append("closed")

    def abort(self) -> None:
        self.ended.append("aborted")


@pytest.fixture
def transport() -> Transport:
    return Transport()


def run(transport: Transport, *messages: dict[str, Any], accepted: bool = True) -> None:
    async def main() -> None:
        made = WebSocket(transport, {"headers": []}, None, logging.getLogger(__name__))  # type: ignore[arg-type]
        made.accepted = accepted
        made._close_event.set()  # the client has answered
        for message in messages:
            await made._send(message)

    asyncio.run(main())


@pytest.mark.parametrize(("has_come", "ended"), [(False, ["closed"]), (True, [])])
def test_an_idle_connection_is_closed_unless_its_next_request_has_come(
    transport: Transport, has_come: bool, ended: list[str]
) -> None:
    connection = Protocol.__new__(Protocol)
    connection.transport, connection._request_ready, connection._closed = transport, asyncio.Event(), False
    if has_come:
        connection._request_ready.set()
    connection._keepalive_timeout()
    assert transport.ended == ended


@pytest.mark.parametrize("status", [400, 414, 426, 431, 500, 501])
def test_what_the_server_refuses_is_what_the_application_would_write(transport: Transport, status: int) -> None:
    connection = Protocol.__new__(Protocol)
    connection.transport = transport
    connection._send_error_response(status, "half a pair: \ud800")
    answer = problems._framework(status, "half a pair: \ud800", None)
    head, content = transport.written.split(b"\r\n\r\n")
    assert f"Content-Type: {answer.mimetype}".encode() in head
    assert content == answer.body


def test_pings_of_a_client_that_does_not_read_are_not_answered(transport: Transport) -> None:
    async def main() -> None:
        made = WebSocket(transport, {"headers": []}, None, logging.getLogger(__name__))  # type: ignore[arg-type]
        await made._send_frame(websocket.OPCODE_PONG, b"1")
        assert transport.written.endswith(b"1")
        transport.waiting = 1
        await made._send_frame(websocket.OPCODE_PONG, b"2")
        assert transport.written.endswith(b"1")
        await made._send_frame(websocket.OPCODE_TEXT, b"3")
        assert transport.written.endswith(b"3")

    asyncio.run(main())


@pytest.mark.parametrize(("waiting", "ended"), [(0, ["closed"]), (1, ["closed", "aborted"])])
def test_a_client_that_does_not_read_cannot_keep_its_connection(
    transport: Transport, waiting: int, ended: list[str]
) -> None:
    transport.waiting = waiting
    run(transport, {"type": "websocket.close", "code": 4408})
    assert transport.ended == ended


def test_a_handshake_may_be_refused_with_any_status(transport: Transport) -> None:
    start = {"type": "websocket.http.response.start", "status": 404, "headers": [(b"x", b"y"), (b"Connection", b"z")]}
    body = {"type": "websocket.http.response.body", "body": b"{}"}
    run(transport, start, body, accepted=False)
    assert transport.written == b"HTTP/1.1 404 Not Found\r\nx: y\r\nConnection: close\r\n\r\n{}"
    assert transport.ended == ["closed"]


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536])
@pytest.mark.parametrize("text", [True, False])
def test_a_message_that_is_sent_at_once_is_the_one_that_gunicorn_sends(
    transport: Transport, size: int, text: bool
) -> None:
    async def main() -> None:
        scope: dict[str, Any] = {"headers": []}
        made = WebSocket(transport, scope, None, logging.getLogger(__name__))  # type: ignore[arg-type]
        made.accepted = True
        message: Any = "x" * size if text else b"x" * size
        await made._send({"type": "websocket.send", "text" if text else "bytes": message})
        whole, transport.written = transport.written, b""
        scope["extensions"][SEND_NOW].send(message)
        assert transport.written == whole

    asyncio.run(main())


def test_nothing_is_sent_at_once_to_who_has_not_read_or_has_left(transport: Transport) -> None:
    async def main() -> None:
        made = WebSocket(transport, {"headers": []}, None, logging.getLogger(__name__))  # type: ignore[arg-type]
        assert not made.is_ready()
        made.accepted = True
        assert made.is_ready()
        transport.waiting = 1
        assert not made.is_ready()
        transport.waiting = 0
        made.closed = True
        assert not made.is_ready()
        made.closed = False
        transport.close()
        assert not made.is_ready()

    asyncio.run(main())
