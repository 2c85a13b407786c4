"""A WebSocket client (RFC 6455), small enough to be read: no extensions, no fragments."""

import base64
import hashlib
import json
import os
import socket
import ssl
import struct
from types import TracebackType
from typing import Any, Self

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Refused(Exception):
    """The server did not answer 101. headers: names in lower case."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        super().__init__(f"{status} {body!r}")
        self.status, self.headers, self.body = status, headers, body


class Closed(Exception):
    """The server has closed the connection; code 1006 where it did so without saying."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"{code} {reason}")
        self.code, self.reason = code, reason


class WebSocket:
    """An open connection. Raises Refused."""

    def __init__(
        self,
        port: int,
        path: str,
        headers: dict[str, str] | None = None,
        *,
        buffer: int = 0,
        seconds: float = 120,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """buffer: size of the receive buffer in bytes, 0 for the system's. seconds: to wait for each message."""
        self.socket = socket.socket()
        if buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.socket.settimeout(seconds)
        self.socket.connect(("127.0.0.1", port))
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="127.0.0.1")
        key = base64.b64encode(os.urandom(16))
        sent = {
            "Host": f"127.0.0.1:{port}",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": key.decode(),
            **(headers or {}),
        }
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items()), "", ""]
        self.socket.sendall("\r\n".join(lines).encode())
        self._rest = b""
        status, found = self._head()
        if status != 101:
            body = self._exactly(int(found.get("content-length", 0)))
            self.socket.close()
            raise Refused(status, found, body)
        accept = base64.b64encode(hashlib.sha1(key + _GUID).digest()).decode()  # noqa: S324
        assert found["sec-websocket-accept"] == accept

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def send(self, message: Any) -> None:
        """Send a text as it is, bytes as a binary message, anything else as JSON."""
        if isinstance(message, bytes):
            self.frame(BINARY, message)
        else:
            self.frame(TEXT, (message if isinstance(message, str) else json.dumps(message)).encode())

    def receive(self) -> dict[str, Any] | bytes:
        """The next message: JSON parsed, or binary. Raises Closed."""
        while True:
            kind, payload = self._frame()
            if kind == TEXT:
                found: dict[str, Any] = json.loads(payload)
                return found
            if kind == BINARY:
                return payload
            if kind == CLOSE:
                self.frame(CLOSE, payload)
                (code,) = struct.unpack("!H", payload[:2]) if payload else (1005,)
                raise Closed(code, payload[2:].decode())

    def close(self) -> None:
        """Close it as a browser does."""
        self.frame(CLOSE, struct.pack("!H", 1000))

    def frame(self, kind: int, payload: bytes) -> None:
        """Send one frame."""
        size = len(payload)
        length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack("!H", size)
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
        self.socket.sendall(bytes([0x80 | kind]) + length + mask + masked)

    def _frame(self) -> tuple[int, bytes]:
        first, size = self._exactly(2)
        assert first & 0x80, "a fragment"
        if size == 126:
            (size,) = struct.unpack("!H", self._exactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self._exactly(8))
        return first & 15, self._exactly(size)

    def _head(self) -> tuple[int, dict[str, str]]:
        while b"\r\n\r\n" not in self._rest:
            self._more()
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        return int(status.split()[1]), {name.lower(): value.strip() for name, _, value in pairs}

    def _exactly(self, count: int) -> bytes:
        while len(self._rest) < count:
            self._more()
        found, self._rest = self._rest[:count], self._rest[count:]
        return found

    def _more(self) -> None:
        try:
            data = self.socket.recv(65536)
        except ConnectionError:
            data = b""
        if not data:
            raise Closed(1006)
        self._rest += data
