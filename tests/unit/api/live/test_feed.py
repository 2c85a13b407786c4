"""When a stream is read, and when no more."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from api.live import feed as feed_module
from api.live.feed import Feed
from api.live.follower import Take
from api.live.outbox import Outbox


class Stubborn:
    """A Redis without entries, whose library swallows cancellations. reading: how many follow a stream now."""

    def __init__(self, failures: int = 0) -> None:
        self.client = self
        self.reading = self.begun = 0
        self._failures = failures

    async def get(self, _key: str) -> None:
        return None

    async def newest(self, _key: str) -> bytes:
        return b"0-0"

    def tail(self, _key: str, last: bytes) -> "StubbornTail":
        return StubbornTail(self, last)

    def begin(self) -> None:
        """One more begins to follow."""
        self.begun += 1
        if self.begun <= self._failures:
            raise RedisConnectionError("gone")
        self.reading += 1


class StubbornTail:
    """Entries that nobody can read: each is offered."""

    def __init__(self, redis: Stubborn, last: bytes) -> None:
        self.last, self._redis = last, redis

    async def __aenter__(self) -> "StubbornTail":
        self._redis.begin()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._redis.reading -= 1

    async def read(self, take: Take) -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0.01)
        take({})


async def until(condition: Any) -> None:
    while not condition():
        await asyncio.sleep(0.01)


async def watch(follower: Stubborn) -> None:
    feed, viewer = Feed(follower, "stream", None), Outbox()  # type: ignore[arg-type]
    viewer.want(media=True, results=True)
    feed.viewers[viewer] = None
    feed.update()
    await asyncio.wait_for(until(lambda: follower.reading == 2), 60)
    del feed.viewers[viewer]
    feed.update()
    await asyncio.wait_for(until(lambda: follower.reading == 0), 60)


def test_reading_ends_though_a_cancellation_is_swallowed() -> None:
    asyncio.run(watch(Stubborn()))


def test_reading_goes_on_after_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "_RETRY_SECONDS", 0.01)
    asyncio.run(watch(Stubborn(failures=5)))
