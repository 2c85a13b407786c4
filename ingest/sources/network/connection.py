"""A TCP connection to a source, with or without TLS. It is looked at in beats instead of woken for."""

import asyncio
import selectors
import socket
import ssl
from contextlib import suppress
from weakref import WeakKeyDictionary

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
        self._ended = False
        self._may_have_more = isinstance(connected, ssl.SSLSocket)  # what came with the end of the handshake
        self._beats: _Beats | None = None  # from the first read on

    async def read(self) -> bytes:
        """What has come, at least a byte; empty at the end. Raises SourceFailed when the connection breaks."""
        try:
            while True:
                await (asyncio.sleep(0) if self._may_have_more else self._readable())
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
        beats, self._beats = self._beats, None
        if beats is not None:
            beats.forget(self._socket)
        self._socket.close()

    async def _readable(self) -> None:
        if self._beats is None:
            self._beats = _beats()
            self._beats.watch(self._socket)
        await self._beats.readable(self._socket)

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


class _Beats:
    """Looks at the sockets of an event loop, once a beat while somebody waits."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._waiting: dict[int, asyncio.Future[None]] = {}  # by descriptor
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, one: socket.socket) -> None:
        """From now on, until `forget`."""
        self._selector.register(one, selectors.EVENT_READ)

    def forget(self, one: socket.socket) -> None:
        """Before it is closed."""
        self._selector.unregister(one)

    async def readable(self, one: socket.socket) -> None:
        """Wait for a beat at which a watched socket has something to read, or its end."""
        descriptor = one.fileno()
        waiter = self._waiting[descriptor] = asyncio.get_running_loop().create_future()
        if self._timer is None:
            self._timer = self._at_next_beat()
        try:
            await waiter
        finally:
            del self._waiting[descriptor]

    def _look(self) -> None:
        self._timer = self._at_next_beat() if self._waiting else None
        for key, _ in self._selector.select(0):
            waiter = self._waiting.get(key.fd)
            if waiter is not None and not waiter.done():
                waiter.set_result(None)

    def _at_next_beat(self) -> asyncio.TimerHandle:
        loop = asyncio.get_running_loop()
        return loop.call_later(BEAT_SECONDS - loop.time() % BEAT_SECONDS, self._look)


_beats_of: WeakKeyDictionary[asyncio.AbstractEventLoop, _Beats] = WeakKeyDictionary()


def _beats() -> _Beats:
    """Of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _beats_of:
        _beats_of[loop] = _Beats()
    return _beats_of[loop]


async def _encrypted(plain: socket.socket, name: str) -> socket.socket:
    context = ssl.create_default_context()
    made = context.wrap_socket(plain, server_hostname=name, do_handshake_on_connect=False)
    try:
        while True:
            try:
                made.do_handshake()
                return made
            except _NOTHING_YET:
                await asyncio.sleep(BEAT_SECONDS)
    except BaseException:
        made.close()
        raise
