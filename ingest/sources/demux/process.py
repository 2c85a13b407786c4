"""Starts a demuxing child and reads what it sends. One that was taken over sends what it likes."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress

import msgspec

from contracts.live.streams import Reason
from ingest.sources.demux.messages import HEADER, MESSAGE_MAX_BYTES, Ended, Told, decode
from ingest.sources.port import SourceFailed
from media.child_environment import environment

_BUFFER_BYTES = 256 * 1024
_MODULE = "ingest.sources.demux.child"


class DemuxProcess:
    """A child for the length of a source. arguments: behind the parent's number. descriptors: that it inherits."""

    def __init__(self, arguments: Sequence[str], descriptors: Sequence[int] = ()) -> None:
        """Starts it. In the main thread only: a child ends with the thread that started it."""
        self._line, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", _MODULE, str(theirs.fileno()), str(os.getpid()), *arguments]
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # messages of FFmpeg, which repeat bytes of the source
                env=environment(),
                pass_fds=(theirs.fileno(), *descriptors),
            )
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def connect(self) -> None:
        """Before the first item."""
        self._reader, self._writer = await asyncio.open_connection(sock=self._line, limit=_BUFFER_BYTES)

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
        assert self._reader is not None  # noqa: S101
        try:
            kind, size = HEADER.unpack(await self._reader.readexactly(HEADER.size))
            if size > MESSAGE_MAX_BYTES:
                raise _broken("sent more than is allowed")
            item = decode(kind, await self._reader.readexactly(size))
        except (asyncio.IncompleteReadError, OSError):
            raise _broken("ended unexpectedly") from None
        except msgspec.DecodeError:
            raise _broken("sent what cannot be read") from None
        if isinstance(item, Ended):
            raise SourceFailed(item.reason, item.detail, permanent=item.permanent)
        return item

    async def close(self) -> None:
        """End it, and wait until it has ended. Does nothing the second time."""
        if self._writer is not None:
            self._writer.transport.abort()
            with suppress(OSError):
                await self._writer.wait_closed()
        self._line.close()
        if self._child.returncode is None:
            self._child.kill()
            await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, self._child.wait))


def _broken(what: str) -> SourceFailed:
    return SourceFailed(Reason.SOURCE_BROKEN, f"the reader of this source {what}; it is started again")
