"""Reads the entries of Redis Streams as they come."""

from collections.abc import AsyncIterator
from typing import Any

from redis import asyncio as aioredis

from contracts.live.packet_reader import split_id
from contracts.live.redis_line import RedisLine

_BLOCK_MS = 1000
_ANSWER_SECONDS = 5.0
_FIRST = b"0-0"

Entry = tuple[bytes, dict[bytes, bytes]]


class Follower:
    """A client of one Redis. client: for other commands."""

    def __init__(self, url: str) -> None:
        self.client = aioredis.Redis.from_url(url, health_check_interval=30)
        self._url = url

    async def newest(self, key: str) -> bytes:
        """The id of the newest entry, 0-0 without one. Raises RedisError."""
        found: Any = await self.client.xrevrange(key, count=1)
        return bytes(found[0][0]) if found else _FIRST

    async def follow(self, key: str, last: bytes) -> AsyncIterator[list[Entry]]:
        """The entries after an id, for ever; [] when none came within a second. Raises RedisError."""
        line = RedisLine(self._url, _BLOCK_MS / 1000 + _ANSWER_SECONDS)
        try:
            while True:
                (answer,) = await line.ask(("XREAD", "BLOCK", _BLOCK_MS, "STREAMS", key, last))
                entries = _entries(answer)
                yield entries
                if entries:
                    last = entries[-1][0]
                elif split_id(await self.newest(key)) < split_id(last):
                    last = _FIRST  # the stream was emptied, and the clock of Redis set back
        finally:
            await line.close()


def _entries(answer: Any) -> list[Entry]:
    """Those in an answer to XREAD for one stream; [] when none came in time."""
    parts = answer.values() if isinstance(answer, dict) else [part[1] for part in answer or ()]
    return [(entry, dict(zip(fields[::2], fields[1::2], strict=True))) for part in parts for entry, fields in part]
