"""HTTP streams: MJPEG as a multipart answer, MPEG-TS, fragmented mp4; never a playlist.

The connection is made here, to a checked address. MJPEG is cut here; what needs a demuxer is handed to a sandboxed
process, which has no network.
"""

import asyncio
import time
from collections import deque
from contextlib import suppress

from contracts.live.streams import Reason
from contracts.network.address_rules import Network
from ingest.sources.demux.messages import Looped
from ingest.sources.demux.process import DemuxProcess
from ingest.sources.http.formats import BEGINNING_BYTES, Format, format_of
from ingest.sources.http.multipart import Parts
from ingest.sources.http.request import HEAD_SECONDS, Answer, get
from ingest.sources.network.address import parse
from ingest.sources.port import SourceConfig, SourceFailed, SourcePacket
from media import jpeg

SCHEMES = ("http", "https")
_CLOSED = "the source ended or closed the connection"


class HttpSource:
    """A camera at an address with user name and password."""

    def __init__(self, address: str, networks: tuple[Network, ...]) -> None:
        self._address, self._networks = address, networks
        self._answer: Answer | None = None
        self._reader: _Multipart | _Demuxed | None = None

    async def open(self) -> None:
        self._answer = answer = await get(parse(self._address, SCHEMES), self._networks)
        beginning = await _beginning(answer)
        what = format_of(answer.head.get("content-type"), beginning)
        self._reader = _Multipart(answer, beginning, what) if what.boundary else _Demuxed(answer, beginning, what)
        await self._reader.open()

    async def read(self) -> SourceConfig | SourcePacket:
        if self._reader is None:
            raise RuntimeError("open it first")
        return await self._reader.read()

    async def close(self) -> None:
        if self._answer is not None:
            await self._answer.connection.close()
        if self._reader is not None:
            await self._reader.close()


async def _beginning(answer: Answer) -> bytes:
    """The first bytes of the body."""
    data = b""
    with suppress(TimeoutError):
        async with asyncio.timeout(HEAD_SECONDS):
            while len(data) < BEGINNING_BYTES and (piece := await answer.body.read()):
                data += piece
    if not data:
        raise SourceFailed(Reason.UNREACHABLE, f"the address answers, and sent nothing within {HEAD_SECONDS:g} s")
    return data


class _Multipart:
    def __init__(self, answer: Answer, beginning: bytes, what: Format) -> None:
        self._body, self._parts = answer.body, Parts(what.boundary)
        self._items: deque[SourceConfig | SourcePacket] = deque()
        self._config: SourceConfig | None = None
        self._take(beginning)

    async def open(self) -> None:
        return

    async def read(self) -> SourceConfig | SourcePacket:
        while not self._items:
            data = await self._body.read()
            if not data:
                raise SourceFailed(Reason.LOST, _CLOSED)
            self._take(data)
        return self._items.popleft()

    async def close(self) -> None:
        return

    def _take(self, data: bytes) -> None:
        arrival = time.time()
        for picture in self._parts.feed(data):
            config = SourceConfig("mjpeg", b"", *(jpeg.size(picture) or (0, 0)))
            if config != self._config:
                self._config = config
                self._items.append(config)
            self._items.append(SourcePacket(None, None, True, arrival, picture))


class _Demuxed:
    def __init__(self, answer: Answer, beginning: bytes, what: Format) -> None:
        self._body, self._beginning, self._format = answer.body, beginning, what
        self._process: DemuxProcess | None = None
        self._pump: asyncio.Task[None] | None = None
        self._failure: SourceFailed | None = None

    async def open(self) -> None:
        self._process = DemuxProcess([self._format.demuxer])
        await self._process.start()
        self._pump = asyncio.create_task(self._pass_on(self._process), name="http source")

    async def read(self) -> SourceConfig | SourcePacket:
        assert self._process is not None  # noqa: S101
        try:
            item = await self._process.receive()
        except SourceFailed as error:
            raise self._failure or error from None
        assert not isinstance(item, Looped)  # noqa: S101
        return item

    async def close(self) -> None:
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.wait([self._pump])
        if self._process is not None:
            await self._process.close()

    async def _pass_on(self, process: DemuxProcess) -> None:
        data = self._beginning
        try:
            while data:
                await process.send(data)
                data = await self._body.read()
        except SourceFailed as error:
            self._failure = error
        process.end_of_source()
