"""Reads the entries of a Redis Stream as they come."""

from collections.abc import AsyncIterator
from typing import Any

from redis import asyncio as aioredis

from contracts.live.packet_reader import split_id

_BLOCK_MS = 1000
FIRST = b"0-0"

Entry = tuple[bytes, dict[bytes, bytes]]


async def newest(client: "aioredis.Redis", key: str) -> bytes:
    """The id of the newest entry, FIRST without one. Raises RedisError."""
    found: Any = await client.xrevrange(key, count=1)
    return bytes(found[0][0]) if found else FIRST


async def follow(client: "aioredis.Redis", key: str, last: bytes) -> AsyncIterator[list[Entry]]:
    """The entries after an id, for ever. Raises RedisError."""
    while True:
        answer: Any = await client.xread({key: last}, block=_BLOCK_MS)
        if entries := _entries(answer):
            last = entries[-1][0]
            yield entries
        elif split_id(await newest(client, key)) < split_id(last):
            last = FIRST  # the stream was emptied, and the clock of Redis set back


def _entries(answer: Any) -> list[Entry]:
    """What an answer to XREAD for one key holds, in both versions of the protocol."""
    parts = answer.values() if isinstance(answer, dict) else [part[1] for part in answer or ()]
    return [entry for part in parts for entry in part]
