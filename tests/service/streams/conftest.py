"""A network camera with a password, for tests of streams through a whole service."""

import base64
import socket
import threading
from collections.abc import Iterator

import pytest

from tests.support.servers.byte_server import Web, chunked, reply
from tests.support.videos.live import jpegs, multipart

SECRET = "pass-of-a-camera"
RIGHT_HEADER = base64.b64encode(f"viewer:{SECRET}".encode()).decode()
PACE_SECONDS = 0.1


@pytest.fixture(scope="module")
def camera() -> Iterator[Web]:
    """MJPEG for who logs in, until the tests end."""
    ended = threading.Event()
    pieces = multipart(jpegs(10))

    def endless() -> Iterator[bytes]:
        while True:
            for piece in pieces:
                if ended.wait(PACE_SECONDS):
                    return
                yield piece

    with Web() as web:

        def answer(connection: socket.socket) -> object:
            if f"Authorization: Basic {RIGHT_HEADER}\r\n" in web.requests[-1]:
                return chunked(endless(), 'multipart/x-mixed-replace;boundary="frame"')(connection)
            return reply(b"", "401 Unauthorized", None, WWW_Authenticate='Basic realm="door"')(connection)

        web.serve("/camera", answer)
        yield web
        ended.set()
