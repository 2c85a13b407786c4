"""Reads the entries of Redis Streams as they come."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from redis import asyncio as aioredis
from redis.exceptions import TimeoutError as RedisTimeout

from contracts.live.packet_reader import split_id

_BLOCK_MS = 1000
_ANSWER_SECONDS = 5.0
_FIRST = b"0-0"

Entry = tuple[bytes, dict[bytes, bytes]]


class Follower:
    """A client of one Redis. client: for other commands."""

    def __init__(self, url: str) -> None:
        self.client = aioredis.Redis.from_url(url, health_check_interval=30)
        # Its commands are sent by hand: for 60 a second, what the client does around each is half of their cost.
        self._waiting = aioredis.Redis.from_url(url, socket_timeout=None).connection_pool

    async def newest(self, key: str) -> bytes:
        """The id of the newest entry, 0-0 without one. Raises RedisError."""
        found: Any = await self.client.xrevrange(key, count=1)
        return bytes(found[0][0]) if found else _FIRST

    async def follow(self, key: str, last: bytes) -> AsyncIterator[list[Entry]]:
        """The entries after an id, for ever; [] when none came within a second. Raises RedisError."""
        connection = await self._waiting.get_connection()  # type: ignore[no-untyped-call]
        try:
            while True:
                entries = await _wait_for_entries(connection, key, last)
                yield entries
                if entries:
                    last = entries[-1][0]
                elif split_id(await self.newest(key)) < split_id(last):
                    last = _FIRST  # the stream was emptied, and the clock of Redis set back
        finally:
            await self._waiting.release(connection)


async def _wait_for_entries(connection: Any, key: str, last: bytes) -> list[Entry]:
    """The entries after an id, [] when none came in time."""
    try:
        async with asyncio.timeout(_BLOCK_MS / 1000 + _ANSWER_SECONDS):
            await connection.send_command("XREAD", "BLOCK", _BLOCK_MS, "STREAMS", key, last, check_health=False)
            answer = await connection.read_response(disable_decoding=True)
    except TimeoutError as error:
        raise RedisTimeout("no answer to XREAD") from error
    parts = answer.values() if isinstance(answer, dict) else [part[1] for part in answer or ()]
    return [(entry, dict(zip(fields[::2], fields[1::2], strict=True))) for part in parts for entry, fields in part]
