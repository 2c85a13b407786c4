"""WebSockets as operations of the spec.

A handshake goes through the application as the GET request that it is, so that it is routed, authenticated, counted and
refused like all others; the operation finds a `WebSocket` with its request, and accepts it. A client that can send no
credentials with the handshake (a page of another origin) sends a token in its first message, and the request goes on
with that.
"""

import asyncio
import re
from http import HTTPStatus
from typing import Protocol
from urllib.parse import urlsplit

import msgspec
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.requests.json_document import NOT_JSON
from contracts.errors import ForeignOrigin

AUTH_SECONDS = 10
# Close codes (RFC 6455): these two, and 4000 + the HTTP status of the error that ends a socket.
NORMAL, GOING_AWAY = 1000, 1001
ERRORS = 4000
_PATH = re.compile(r"/api/v1/streams/[^/]+/ws")
_KEY = "web_detector.websocket"
# Extension of ASGI, of our own worker: sends a message without waiting, where all before it has been sent.
SEND_NOW = "web_detector.send_now"
_REFUSAL = "websocket.http.response"
_SCHEMES = {"ws": "http", "wss": "https"}
# A handshake has no body, whatever its headers say.
_OF_BODIES = frozenset({b"content-length", b"content-type", b"transfer-encoding"})
_NO_TOKEN = (
    HTTPStatus.UNAUTHORIZED,
    "unauthenticated",
    f'no token came within {AUTH_SECONDS} s: send {{"type": "auth", "token": ...}} first, or a cookie or an '
    "Authorization header with the handshake",
)


class Direct(Protocol):
    """The extension SEND_NOW of a server."""

    def is_ready(self) -> bool:
        """Whether the client is there, and has been sent all before."""

    def send(self, message: bytes | str) -> None:
        """Send a message without waiting. Only where `is_ready`."""


class WebSocket:
    """One WebSocket. Messages to the client are sent one after the other; each waits while the client does not read."""

    def __init__(self, receive: Receive, send: Send, direct: Direct | None = None) -> None:
        """direct: of the extension SEND_NOW, where the server has it."""
        self.accepted = False
        self._receive, self._send, self._direct = receive, send, direct

    async def accept(self) -> None:
        """Answer 101."""
        if not self.accepted:
            self.accepted = True
            await self._send({"type": "websocket.accept"})

    async def refuse(self, message: Message) -> None:
        """A part of the HTTP response to the handshake: an ASGI message http.response.*."""
        await self._send({**message, "type": message["type"].replace("http.response", _REFUSAL)})

    async def send(self, message: bytes | str) -> None:
        """Send a binary message, or a text. Raises OSError when the client has left."""
        await self._send({"type": "websocket.send", "bytes" if isinstance(message, bytes) else "text": message})

    @property
    def is_ready(self) -> bool:
        """Whether a message can be sent without waiting."""
        return self.accepted and self._direct is not None and self._direct.is_ready()

    def send_now(self, message: bytes | str) -> None:
        """Send a message. Only where `is_ready`."""
        if self._direct is not None:
            self._direct.send(message)

    async def receive(self) -> str | bytes | None:
        """The next message; None when the client has left."""
        message = await self._receive()
        if message["type"] != "websocket.receive":
            return None
        text: str | None = message.get("text")
        return message.get("bytes", b"") if text is None else text

    async def close(self, code: int = NORMAL, reason: str = "") -> None:
        """End it; the reason may have 123 bytes."""
        await self._send({"type": "websocket.close", "code": code, "reason": reason[:120]})

    async def fail(self, status: int, code: str, detail: str) -> None:
        """Say why it ends, and end it with ERRORS + status."""
        await self.send(error_message(code, detail))
        await self.close(ERRORS + status, code)


class WebSockets:
    """ASGI middleware in front of all others: passes handshakes on as GET requests."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        await receive()  # websocket.connect
        socket = WebSocket(receive, send, scope.get("extensions", {}).get(SEND_NOW))
        if not _PATH.fullmatch(scope["path"]):
            await socket.close()  # before 101 that is 403
            return
        headers = [(name, value) for name, value in scope["headers"] if name not in _OF_BODIES]
        if not _has_credentials(Headers(raw=headers)):
            await socket.accept()
            token = await _first_token(socket)
            if token is None:
                await socket.fail(*_NO_TOKEN)
                return
            headers.append((b"authorization", b"Bearer " + token.encode("latin-1", "replace")))
        request = {
            **scope,
            "type": "http",
            "method": "GET",
            "scheme": _SCHEMES.get(scope["scheme"], "http"),
            "headers": headers,
            "extensions": {},
            _KEY: socket,
        }
        await self._app(request, _NoBody(), _Answer(socket))


def websocket_of(scope: Scope) -> WebSocket | None:
    """The WebSocket of a request; None for one that is no handshake. Raises ForeignOrigin for a handshake with cookies
    that a page of another origin sent: browsers send them along, and no CORS rule holds for WebSockets."""
    socket: WebSocket | None = scope.get(_KEY)
    if socket is not None:
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        if origin is not None and "authorization" not in headers and not _is_of(origin, headers.get("host")):
            raise ForeignOrigin(
                f"the page of {origin[:100]!a} may not use your cookies here: send a token in the first message. Where "
                "this is the service's own page, its proxy must pass the Host header on unchanged"
            )
    return socket


def _is_of(origin: str, host: str | None) -> bool:
    """Whether an origin is that of a host. What is no URL is of none."""
    try:
        return urlsplit(origin).netloc == host
    except ValueError:
        return False


def error_message(code: str, detail: str) -> str:
    """The message of the type "error"."""
    return msgspec.json.encode({"type": "error", "code": code, "detail": detail}).decode()


class _NoBody:
    """The `receive` of a request without a body, whose client never leaves: the WebSocket knows when it does."""

    def __init__(self) -> None:
        self._read = False

    async def __call__(self) -> Message:
        if self._read:
            await asyncio.Event().wait()
        self._read = True
        return {"type": "http.request", "body": b"", "more_body": False}


class _Answer:
    """The `send` of such a request: it gets the problem where there is one."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._status = 0
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if not self._socket.accepted:
            await self._socket.refuse(message)
        elif message["type"] == "http.response.start":
            self._status = message["status"]
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body"):
                problem = msgspec.json.decode(self._body)
                await self._socket.fail(self._status, problem["code"], problem["detail"])


def _has_credentials(headers: Headers) -> bool:
    return "authorization" in headers or "wd_access" in cookie_parser(headers.get("cookie", ""))


async def _first_token(socket: WebSocket) -> str | None:
    """The token of the first message, None where it is another message or does not come in time."""
    try:
        message = await asyncio.wait_for(socket.receive(), AUTH_SECONDS)
        found = msgspec.json.decode(message or "", type=_Auth)
    except (TimeoutError, *NOT_JSON):
        return None
    return found.token


class _Auth(msgspec.Struct, tag_field="type", tag="auth"):
    token: str
