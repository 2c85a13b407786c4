"""A TCP connection to a source, with or without TLS. It is looked at in beats instead of woken for."""

import asyncio
import socket
import ssl
from contextlib import suppress

from contracts.live.streams import Reason
from ingest.sources.port import SourceFailed

# All connections of a process are looked at together, so often: a frame comes in many pieces, and to wake for each, or
# for each camera by itself, costs more than all else that is done with it.
BEAT_SECONDS = 0.02
# What is read at once, at most: a keyframe of a large camera.
READ_BYTES = 256 * 1024
_NOTHING_YET = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Connection:
    """An open connection, of one task."""

    def __init__(self, connected: socket.socket) -> None:
        """connected: does not block; with TLS, after its handshake."""
        self._socket = connected
        self._ended = self._may_have_more = False

    async def read(self) -> bytes:
        """What has come, at least a byte; empty at the end. Raises SourceFailed when the connection breaks."""
        try:
            while True:
                await (asyncio.sleep(0) if self._may_have_more else beat())
                data = self._received()
                self._may_have_more = len(data) >= READ_BYTES
                if data or self._ended:
                    return data
        except OSError:
            raise SourceFailed(Reason.LOST, "the connection to the source broke") from None

    def write(self, data: bytes) -> None:
        """Send a request, which is short. Where it does not go, no answer comes."""
        with suppress(OSError):
            self._socket.send(data)

    async def close(self) -> None:
        """At once, without waiting for what was not sent yet."""
        self._socket.close()

    def _received(self) -> bytes:
        """All that is there; with TLS, it comes in records."""
        parts: list[bytes] = []
        size = 0
        while size < READ_BYTES and not self._ended:
            try:
                part = self._socket.recv(READ_BYTES - size)
            except _NOTHING_YET:
                break
            self._ended = not part
            parts.append(part)
            size += len(part)
        return b"".join(parts)


async def connected(address: str, port: int, tls_name: str | None) -> Connection:
    """Connect. tls_name: of the server in its certificate; None for a connection without TLS. Raises OSError."""
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        await asyncio.get_running_loop().sock_connect(made, (address, port))
        if tls_name is not None:
            made = await _encrypted(made, tls_name)
    except BaseException:
        made.close()
        raise
    return Connection(made)


async def beat() -> None:
    """Wait for the next beat."""
    await asyncio.sleep(BEAT_SECONDS - asyncio.get_running_loop().time() % BEAT_SECONDS)


async def _encrypted(plain: socket.socket, name: str) -> socket.socket:
    context = ssl.create_default_context()
    made = context.wrap_socket(plain, server_hostname=name, do_handshake_on_connect=False)
    try:
        while True:
            try:
                made.do_handshake()
                return made
            except _NOTHING_YET:
                await beat()
    except BaseException:
        made.close()
        raise
