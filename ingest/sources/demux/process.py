"""Starts a demuxing child and reads what it sends. One that was taken over sends what it likes."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from weakref import WeakKeyDictionary

import msgspec

from contracts.live.streams import Reason
from ingest.sources.demux.messages import HEADER, MESSAGE_MAX_BYTES, Ended, Item, Ready, Told, decode
from ingest.sources.port import SourceFailed
from media.child_environment import environment

_BUFFER_BYTES = 256 * 1024
_MODULE = "ingest.sources.demux.child"
# Children that start at once. Each needs about a second of a core until it reads; many at once would all be taken for
# silent, and be started again for ever.
_AT_ONCE = 2
_TURNS: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


class DemuxProcess:
    """A child for the length of a source. arguments: behind the parent's number. descriptors: that it inherits."""

    def __init__(self, arguments: Sequence[str], descriptors: Sequence[int] = ()) -> None:
        self._arguments, self._descriptors = arguments, descriptors
        self._child: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def start(self) -> None:
        """Before the first item: returns when it reads. In the main thread only: a child ends with the thread that
        started it. Raises SourceFailed."""
        async with _turns():
            self._line = self._begin()
            self._reader, self._writer = await asyncio.open_connection(sock=self._line, limit=_BUFFER_BYTES)
            if not isinstance(await self._message(), Ready):
                raise _broken("began with something else")

    def _begin(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", _MODULE, str(theirs.fileno()), str(os.getpid()), *self._arguments]
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # messages of FFmpeg, which repeat bytes of the source
                env=environment(),
                pass_fds=(theirs.fileno(), *self._descriptors),
            )
        return ours

    async def send(self, data: bytes) -> None:
        """Bytes of the source; waits while the child is behind. What an ended child misses is dropped."""
        if self._writer is not None:
            with suppress(ConnectionError):
                self._writer.write(data)
                await self._writer.drain()

    def end_of_source(self) -> None:
        """There are no more bytes."""
        if self._writer is not None:
            with suppress(OSError):
                self._writer.write_eof()

    async def receive(self) -> Told:
        """The next item. Raises SourceFailed."""
        item = await self._message()
        if isinstance(item, Ended):
            raise SourceFailed(item.reason, item.detail, permanent=item.permanent)
        if isinstance(item, Ready):
            raise _broken("began twice")
        return item

    async def _message(self) -> Item:
        assert self._reader is not None  # noqa: S101
        try:
            kind, size = HEADER.unpack(await self._reader.readexactly(HEADER.size))
            if size > MESSAGE_MAX_BYTES:
                raise _broken("sent more than is allowed")
            return decode(kind, await self._reader.readexactly(size))
        except (asyncio.IncompleteReadError, OSError):
            raise _broken("ended unexpectedly") from None
        except msgspec.DecodeError:
            raise _broken("sent what cannot be read") from None

    async def close(self) -> None:
        """End it, and wait until it has ended. Does nothing the second time."""
        if self._writer is not None:
            self._writer.transport.abort()
            with suppress(OSError):
                await self._writer.wait_closed()
        if self._line is not None:
            self._line.close()
        if self._child is not None and self._child.returncode is None:
            self._child.kill()
            await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, self._child.wait))


def _turns() -> asyncio.Semaphore:
    """Of the running event loop."""
    return _TURNS.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(_AT_ONCE))


def _broken(what: str) -> SourceFailed:
    return SourceFailed(Reason.SOURCE_BROKEN, f"the reader of this source {what}; it is started again")
