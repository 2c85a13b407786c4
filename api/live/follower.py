"""Reads the entries of Redis Streams as they come."""

from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from redis import asyncio as aioredis

from contracts.live.packet_reader import split_id
from contracts.live.redis_line import RedisLine
from contracts.live.resp import Command

_BLOCK_MS = 1000
_ANSWER_SECONDS = 5.0
_FIRST = b"0-0"

# Takes the fields of an entry; whether it takes the next one, too.
Take = Callable[[dict[bytes, bytes]], bool]


class Follower:
    """A client of one Redis. client: for other commands."""

    def __init__(self, url: str) -> None:
        self.client = aioredis.Redis.from_url(url, health_check_interval=30)
        self._url = url

    async def newest(self, key: str) -> bytes:
        """The id of the newest entry, 0-0 without one. Raises RedisError."""
        found: Any = await self.client.xrevrange(key, count=1)
        return bytes(found[0][0]) if found else _FIRST

    def tail(self, key: str, last: bytes) -> "Tail":
        """What follows an entry with this id, on a connection of its own."""
        return Tail(RedisLine(self._url, _BLOCK_MS / 1000 + _ANSWER_SECONDS), key, last)


class Tail:
    """The entries of one Redis Stream after one of them, for the length of a context. last: id of the one that was
    taken last."""

    def __init__(self, line: RedisLine, key: str, last: bytes) -> None:
        self.last = last
        self._line, self._key = line, key
        self._asked_newest = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._line.close()

    async def read(self, take: Take) -> None:
        """Give the entries to `take` as soon as they come, until it takes no more. Raises RedisError, and what `take`
        raises."""
        self._asked_newest = False
        await self._line.repeat(self._next(), lambda answer: self._following(answer, take))

    def _next(self) -> Command:
        return ("XREAD", "BLOCK", _BLOCK_MS, "STREAMS", self._key, self.last)

    def _following(self, answer: Any, take: Take) -> Command | None:
        """What is asked after this answer."""
        if self._asked_newest:
            self._asked_newest = False
            newest = answer[0][0] if answer else _FIRST
            if split_id(newest) < split_id(self.last):
                self.last = _FIRST  # the stream was emptied, and the clock of Redis set back
        elif answer:
            for self.last, fields in answer[0][1]:
                if not take(dict(zip(fields[::2], fields[1::2], strict=True))):
                    return None
        else:
            self._asked_newest = True
            return ("XREVRANGE", self._key, "+", "-", "COUNT", 1)
        return self._next()
