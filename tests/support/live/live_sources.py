"""Sources that a test reads, and what they must leave behind: nothing."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any, TypeVar

import av
import psutil
import pytest
import redis
import redis.asyncio

from contracts.live.streams import Kind, Reason, StreamSpec
from contracts.network.address_rules import Network
from contracts.storage.local import LocalStorage
from contracts.storage.port import Storage
from ingest.sources.http.source import HttpSource
from ingest.sources.port import Source, SourceConfig, SourceFailed, SourcePacket
from ingest.sources.registry import Means, source_of
from ingest.sources.rtsp.source import RtspSource
from tests.support.servers.processes import ServerProcess
from tests.support.servers.valkey import Valkey
from tests.support.videos.live import jpegs, multipart

LOOPBACK = ip_network("127.0.0.0/8")
LOOPBACKS = (LOOPBACK,)
MJPEG = 'multipart/x-mixed-replace;boundary="--frame"'
PICTURES = multipart(jpegs(2))
SIZE = (160, 96)
STREAM_ID = "5b1f4d36-32a3-4d0c-9a5e-5f0a3a3f7a10"
T = TypeVar("T")


@dataclass
class Feed:
    """What a source reads. kill: its server, or what stands for it. freeze: the same. lost: the reason that follows."""

    kind: Kind
    address: str
    kill: Callable[[], object]
    freeze: Callable[[], object]
    lost: Reason
    port: int | None = None


def children() -> list[psutil.Process]:
    """The processes that sources have started, and that have not been waited for."""
    found = psutil.Process().children()
    return [one for one in found if one.status() == "zombie" or "ingest.sources" in str(one.cmdline())]


def signalled(number: signal.Signals) -> None:
    for child in children():
        os.kill(child.pid, number)


def nothing_left(feed: Feed) -> bool:
    """Whether a closed source has left no process and no connection."""
    ports = {one.raddr.port for one in psutil.Process().net_connections("tcp") if one.raddr}
    return not children() and feed.port not in ports


def with_source(
    feed: Feed,
    folder: Path,
    valkey: Valkey,
    act: Callable[[Source], Awaitable[T]],
    silent: float = 10,
    video_id: str = "clip",
    storage: Storage | None = None,
) -> T:
    """What act returns for a source that is open, and closed at the end."""

    async def run() -> T:
        async with redis.asyncio.Redis.from_url(valkey.url) as client:
            means = Means((LOOPBACK,), storage or LocalStorage(folder / "storage"), client, silent)
            spec = StreamSpec(STREAM_ID, "user", feed.kind, 1, 0, "model", video_id=video_id)
            source = source_of(spec, feed.address, means)
            try:
                await source.open()
                return await act(source)
            finally:
                await source.close()
                await source.close()
                assert nothing_left(feed)

    return asyncio.run(run())


async def some(source: Source, count: int) -> list[SourceConfig | SourcePacket]:
    async with asyncio.timeout(120):
        return [await source.read() for _ in range(count)]


async def reading(source: Source, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while True:
            await source.read()


def decoded(config: SourceConfig, packets: list[Any]) -> int:
    """How many frames of the size that was told come out."""
    decoder: Any = av.CodecContext.create(config.codec, "r")
    decoder.extradata = config.extradata or None
    frames = [frame for one in packets for frame in decoder.decode(av.Packet(one.data))] + decoder.decode(None)
    assert {(frame.width, frame.height) for frame in frames} == {SIZE}
    return len(frames)


def http(server: ServerProcess, name: str) -> Feed:
    return Feed("http", f"http://127.0.0.1:{server.port}/{name}", server.kill, server.freeze, Reason.LOST, server.port)


def failure(address: str, networks: tuple[Network, ...] = LOOPBACKS, items: int = 2) -> SourceFailed:
    """What opening an address and reading some items fails with; nothing is left, and no password is told."""

    async def run() -> SourceFailed:
        with pytest.raises(SourceFailed) as failed:
            await read(address, networks, items)
        return failed.value

    before = psutil.Process().children()  # servers of other tests
    error = asyncio.run(run())
    assert "s3cr" not in error.detail
    assert psutil.Process().children() == before
    return error


async def read(address: str, networks: tuple[Network, ...], items: int) -> list[Any]:
    source = (RtspSource if address.startswith("rtsp") else HttpSource)(address, networks)
    try:
        await source.open()
        return [await source.read() for _ in range(items)]
    finally:
        await source.close()


def first_item(address: str) -> Any:
    return asyncio.run(read(address, LOOPBACKS, 1))[0]


def reason(error: SourceFailed) -> tuple[Reason, bool]:
    return error.reason, error.permanent
