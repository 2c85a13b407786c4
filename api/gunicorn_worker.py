"""gunicorn's ASGI worker with five additions.

On SIGTERM it runs the `on_stop` callbacks at once: the lifespan shutdown comes only after all connections have closed,
and event streams never close. It limits the wait for the first request of a connection, so that idle or very slow
clients cannot take all connections (slowloris). What it refuses by itself, such as a request line that is too long, is
a problem document like every error of the api. A request that was answered before its body had come leaves its
connection usable. And its WebSockets can be refused with any HTTP status, buffer little, and end also where the client
does not read.
"""

import asyncio
import resource
import socket
import struct
from asyncio import Transport
from collections.abc import Callable, Iterable
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from gunicorn.asgi import websocket
from gunicorn.asgi.protocol import ASGIProtocol
from gunicorn.workers import gasgi

from api.problem_document import MEDIA_TYPE, code_of, problem_document

# See api.web.websockets.
SEND_NOW = "web_detector.send_now"
# Callbacks for SIGTERM, called in the event loop.
on_stop: list[Callable[[], None]] = []
# Limit for the complete headers of the first request of a connection; later requests have that of --keep-alive.
HEADERS_SECONDS = 10
# Rest of a body that is awaited after the answer, and for how long.
_REST_MAX_BYTES = 64 * 1024
_REST_SECONDS = 5
# Of a message from a client: gunicorn unmasks each byte by a step of Python. They are small.
_MESSAGE_MAX_BYTES = 8192
# Unsent bytes that the kernel takes of a WebSocket. With its default of megabytes, a slow viewer would be shown a
# picture of a minute ago.
_UNSENT_BYTES = 32 * 1024


class Protocol(ASGIProtocol):  # type: ignore[misc]
    """One connection."""

    def connection_made(self, transport: Transport) -> None:
        """Start the timeout for the first request."""
        super().connection_made(transport)
        self._late = self.worker.loop.call_later(HEADERS_SECONDS, self._first_is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timeout."""
        self._late.cancel()
        super().connection_lost(exc)

    def _keepalive_timeout(self) -> None:
        # Where the loop was held up, the next request may have come in the turn in which the time is over, and its task
        # has not run yet.
        if not self._request_ready.is_set():
            super()._keepalive_timeout()

    def _send_error_response(self, status: int, message: str, extra_headers: Iterable[tuple[str, str]] = ()) -> None:
        content = problem_document(status, code_of(status), message)
        headers = [
            (b"Content-Type", MEDIA_TYPE.encode()),
            (b"Content-Length", b"%d" % len(content)),
            *((name.encode(), value.encode()) for name, value in extra_headers),
        ]
        self._safe_write(_head(status, headers) + content)

    async def _serve_http_request(self, request: Any, *addresses: Any) -> bool:
        keeps: bool = await super()._serve_http_request(request, *addresses)
        if keeps:
            await self._take_rest(request)
        return keeps

    async def _take_rest(self, request: Any) -> None:
        """Take what comes of a small body after its answer. Else gunicorn closes the connection, which it has not
        announced, and a client whose head and body came in two pieces loses its next request."""
        body = self._body_receiver
        if body is None or body.expect_continue or not 0 < (request.content_length or 0) <= _REST_MAX_BYTES:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(_REST_SECONDS):
                while not body._complete and (await body.receive())["type"] == "http.request":
                    pass

    def _first_is_late(self) -> None:
        if self._awaiting_request and self.req_count <= 1:
            self._keepalive_timeout()


class WebSocket(websocket.WebSocketProtocol):  # type: ignore[misc]
    """One WebSocket. Knows ASGI's extension websocket.http.response, and SEND_NOW."""

    def __init__(self, transport: Transport, scope: dict[str, Any], *rest: Any, **options: Any) -> None:
        scope["extensions"] = {"websocket.http.response": {}, SEND_NOW: self}
        super().__init__(transport, scope, *rest, **options)
        self._head = b""
        transport.set_write_buffer_limits(high=0)
        connection = transport.get_extra_info("socket")
        if connection.family in (socket.AF_INET, socket.AF_INET6):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)

    def is_ready(self) -> bool:
        """Of SEND_NOW: gunicorn has accepted it and has not closed it, and the kernel has taken all before."""
        return (
            self.accepted
            and not self.closed
            and not self._close_sent
            and not self.transport.is_closing()
            and not self.transport.get_write_buffer_size()
        )

    def send(self, message: bytes | str) -> None:
        """Of SEND_NOW."""
        opcode, payload = (
            (websocket.OPCODE_TEXT, message.encode())
            if isinstance(message, str)
            else (websocket.OPCODE_BINARY, message)
        )
        self.transport.write(_frame_head(opcode, len(payload)) + payload)

    async def _send_frame(self, opcode: int, payload: bytes) -> None:
        if opcode == websocket.OPCODE_PONG and self.transport.get_write_buffer_size():
            return  # gunicorn would keep the answers to a client that pings and does not read, without limit
        await super()._send_frame(opcode, payload)

    async def _send(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "websocket.http.response.start":
            self._head = _head(message["status"], message["headers"])
        elif kind == "websocket.http.response.body":
            self.transport.write(self._head + message.get("body", b""))
            self._head = b""
            if not message.get("more_body"):
                self._denied = self.closed = True
                self._close_event.set()
                self.transport.close()
        else:
            await super()._send(message)
            if kind == "websocket.close" and self.transport.get_write_buffer_size():
                self.transport.abort()  # else it would wait for a client that does not read


def _frame_head(opcode: int, length: int) -> bytes:
    """Of a whole message of a server (RFC 6455, 5.2)."""
    if length < 126:
        return bytes((0x80 | opcode, length))
    if length < 0x10000:
        return struct.pack("!BBH", 0x80 | opcode, 126, length)
    return struct.pack("!BBQ", 0x80 | opcode, 127, length)


def _head(status: int, headers: list[tuple[bytes, bytes]]) -> bytes:
    lines = [b"HTTP/1.1 %d %s" % (status, HTTPStatus(status).phrase.encode())]
    lines += [name + b": " + value for name, value in headers if name.lower() != b"connection"]
    return b"\r\n".join([*lines, b"Connection: close", b"", b""])


class Worker(gasgi.ASGIWorker):  # type: ignore[misc]
    """Worker class for gunicorn's option -k."""

    def init_process(self) -> None:
        """Raise the limit of open files, then serve."""
        gasgi.ASGIProtocol, websocket.WebSocketProtocol = Protocol, WebSocket  # there are no hooks for them
        self.cfg.set("websocket_max_message_size", _MESSAGE_MAX_BYTES)
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # each connection needs one
        super().init_process()

    def handle_exit_signal(self) -> None:
        """Shut down gracefully on SIGTERM."""
        super().handle_exit_signal()
        for call in on_stop:
            call()
