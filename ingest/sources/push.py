"""JPEGs that others post to the api, which appends them to a Redis Stream."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis.asyncio
from redis.exceptions import RedisError

from contracts.live import keys
from contracts.live.streams import Reason
from ingest.sources.port import SOURCE_TICKS, SourceConfig, SourceFailed, SourcePacket
from media import jpeg

_BLOCK_MILLISECONDS = 1000
_READ_AT_ONCE = 16
Entry = tuple[bytes, dict[bytes, bytes]]


class PushSource:
    """Reads the newest image where several have come.

    silent_seconds: after so long without an image the source waits for its sender.
    """

    def __init__(self, stream_id: str, client: "redis.asyncio.Redis", silent_seconds: float) -> None:
        self._key, self._redis, self._silent = keys.pushed(stream_id), client, silent_seconds
        self._last = b"0-0"
        self._config: SourceConfig | None = None
        self._packet: SourcePacket | None = None

    async def open(self) -> None:
        with _redis_errors():
            seconds, micros = await self._redis.time()
        # What lay there longer is not live; nor is it news to a source that was connected anew.
        oldest = seconds * 1000 + micros // 1000 - round(self._silent * 1000)
        self._last = f"{oldest}-0".encode()

    async def read(self) -> SourceConfig | SourcePacket:
        if self._packet is not None:
            packet, self._packet = self._packet, None
            return packet
        entries = await self._entries()
        (_, fields), self._last = entries[-1], entries[-1][0]
        packet = _packet(fields, self._last, lost=len(entries) - 1)
        size = jpeg.size(packet.data) or (0, 0)
        config = SourceConfig("mjpeg", b"", *size)
        if config == self._config:
            return packet
        self._config, self._packet = config, packet
        return config

    async def close(self) -> None:
        return

    async def _entries(self) -> list[Entry]:
        """What has come since, at least one. Raises SourceFailed."""
        end = time.monotonic() + self._silent
        while time.monotonic() < end:
            with _redis_errors():
                found: Any = await self._redis.xread({self._key: self._last}, _READ_AT_ONCE, _BLOCK_MILLISECONDS)
            if found:
                entries: list[Entry] = found[0][1]
                return entries
        raise SourceFailed(Reason.WAITING_FOR_SENDER, f"no image was sent for {self._silent:g} s")


def _packet(fields: dict[bytes, bytes], entry: bytes, lost: int) -> SourcePacket:
    """The image of an entry, which came when its id says."""
    arrival = min(int(entry.partition(b"-")[0]) / 1000, time.time())
    wall = _seconds(fields.get(b"t", b""))
    pts = None if wall is None else round(wall * SOURCE_TICKS)
    return SourcePacket(pts, pts, True, arrival, fields.get(b"j", b""), wall, lost)


def _seconds(text: bytes) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and 0 <= value < 2**40 else None


@contextmanager
def _redis_errors() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError):
        raise SourceFailed(Reason.UNREACHABLE, "Redis, through which images come, does not answer") from None
