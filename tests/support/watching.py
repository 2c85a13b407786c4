"""What a viewer of a stream says and hears."""

import struct
from collections.abc import Callable
from typing import Any

from tests.support.live.websocket import WebSocket

START = {"type": "start", "media": True, "results": True, "after_ms": 0}


def of_type(socket: WebSocket, kind: str, check: Callable[[dict[str, Any]], object] = lambda _: True) -> dict[str, Any]:
    """The next text message of a type that passes a check."""
    while True:
        message = socket.receive()
        if isinstance(message, dict) and message["type"] == kind and check(message):
            return message


def media(socket: WebSocket) -> tuple[int, bool, float, bytes]:
    """The next binary message: kind, whether it is a keyframe, time in ms, payload."""
    while not isinstance(message := socket.receive(), bytes):
        pass
    kind, flags, moment = struct.unpack("<BBd", message[:10])
    return kind, bool(flags & 1), moment, message[10:]
