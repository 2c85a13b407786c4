"""What the workers tell each other in passing, in Redis: who takes a turn, and an answer to one who waits.

Nothing of it outlives some minutes, so it stays in Redis wherever the results are kept.
"""

import logging
from typing import Any

import redis
from redis import asyncio as aioredis
from redis.exceptions import RedisError

log = logging.getLogger(__name__)


class Signals:
    """The side of those who work. Raises RedisError when Redis does not answer."""

    def __init__(self, client: "redis.Redis") -> None:
        self._redis = client

    @classmethod
    def connect(cls, url: str) -> "Signals":
        """Behind a redis://, rediss:// or unix:// URL; connects at the first use."""
        return cls(redis.Redis.from_url(url, health_check_interval=30))

    def claim(self, name: str, seconds: int) -> bool:
        """Take a named turn for some seconds; False when somebody has it."""
        return bool(self._redis.set(f"wd:claim:{name}", b"1", ex=seconds, nx=True))

    def claimed(self, name: str) -> bool:
        """Whether somebody has the turn."""
        return bool(self._redis.exists(f"wd:claim:{name}"))

    def renew(self, name: str, seconds: int) -> None:
        """Keep a turn for some seconds more."""
        self._redis.set(f"wd:claim:{name}", b"1", ex=seconds)

    def release(self, name: str) -> None:
        """Give a turn back."""
        self._redis.delete(f"wd:claim:{name}")

    def count(self, name: str, seconds: int) -> int:
        """Count one more under the name, which is forgotten after some seconds; how many there are."""
        with self._redis.pipeline() as pipe:
            pipe.incr(f"wd:count:{name}")
            pipe.expire(f"wd:count:{name}", seconds)
            return int(pipe.execute()[0])

    def forget_count(self, name: str) -> None:
        """Begin to count anew."""
        self._redis.delete(f"wd:count:{name}")

    def reply(self, name: str, data: bytes, seconds: int) -> None:
        """Leave an answer for the one who waits for it, or for some seconds."""
        with self._redis.pipeline() as pipe:
            pipe.rpush(_reply_key(name), data)
            pipe.expire(_reply_key(name), seconds)
            pipe.execute()


class Replies:
    """The side of those who wait, without blocking the event loop."""

    def __init__(self, url: str, longest_seconds: int) -> None:
        # The client's own limit of 5 s on an answer would end a longer wait.
        self._redis = aioredis.Redis.from_url(url, health_check_interval=30, socket_timeout=longest_seconds + 5)

    async def wait_for(self, name: str, seconds: int) -> bytes | None:
        """What `Signals.reply` leaves under the name; None when it does not come in time."""
        try:
            answer: Any = await self._redis.blpop([_reply_key(name)], timeout=seconds)
        except RedisError as error:
            log.warning("the answer %s cannot be waited for: %s", name, error)
            return None
        return bytes(answer[1]) if answer else None

    async def close(self) -> None:
        """Let go of the connections."""
        await self._redis.aclose()


def _reply_key(name: str) -> str:
    return f"wd:reply:{name}"
