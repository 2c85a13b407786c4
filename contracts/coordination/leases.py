"""What the workers tell each other in passing, in Redis: who takes a turn, and an answer to one who waits.

Nothing of it outlives some minutes, so it stays in Redis wherever the results are kept.
"""

import logging
from enum import Enum
from typing import Any

import redis
from redis import asyncio as aioredis
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

_WISH_SECONDS = 3
# KEYS: turn, wish; ARGV: owner, seconds. A turn that nobody has taken since it faded is still its owner's.
_KEEP = """
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return 1 + redis.call('EXISTS', KEYS[2])
"""
_LEAVE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


# KEYS: hash of what each one takes; ARGV: who, how much, the most of all together or 0, seconds.
_SPEND = """
local spent = 0
local kept = redis.call('HGETALL', KEYS[1])
for i = 1, #kept, 2 do
  if kept[i] ~= ARGV[1] then spent = spent + tonumber(kept[i + 1]) end
end
if tonumber(ARGV[3]) > 0 and spent + tonumber(ARGV[2]) > tonumber(ARGV[3]) then return spent end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return -1
"""


class Signals:
    """The side of those who work. Raises RedisError when Redis does not answer."""

    def __init__(self, client: "redis.Redis") -> None:
        self._redis = client
        self._spend = client.register_script(_SPEND)

    @classmethod
    def connect(cls, url: str) -> "Signals":
        """Behind a redis://, rediss:// or unix:// URL; connects at the first use."""
        return cls(redis.Redis.from_url(url, health_check_interval=30))

    def claim(self, name: str, seconds: int) -> bool:
        """Take a named turn for some seconds; False when somebody has it."""
        return bool(self._redis.set(_claim_key(name), b"1", ex=seconds, nx=True))

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

    def spend(self, key: str, who: str, amount: int, most: int, seconds: int) -> int | None:
        """Take an amount of what all may take together, most (0: any), in so many seconds from now; None when it was
        taken, else how much others have. Who takes again takes that instead."""
        spent = int(self._spend(keys=[key], args=[who, amount, most, seconds]))
        return None if spent < 0 else spent

    def seen_again(self, name: str, mark: str, seconds: int) -> int:
        """How often in a row the same mark was seen under the name, this time included. Forgotten after some
        seconds. For one who is alone with the name."""
        key = f"wd:seen:{name}"
        known: Any = self._redis.get(key)
        before, _, times = (known or b"").decode().rpartition(" ")
        count = int(times) + 1 if before == mark else 1
        self._redis.set(key, f"{mark} {count}", ex=seconds)
        return count

    def forget_seen(self, name: str) -> None:
        """Nobody will look under the name again."""
        self._redis.delete(f"wd:seen:{name}")

    def reply(self, name: str, data: bytes, seconds: int) -> None:
        """Leave an answer for the one who waits for it, or for some seconds."""
        with self._redis.pipeline() as pipe:
            pipe.rpush(_reply_key(name), data)
            pipe.expire(_reply_key(name), seconds)
            pipe.execute()


class Held(Enum):
    """How it stands with a turn: another has taken it, it is held, or it is held and somebody waits for it."""

    LOST = 0
    HELD = 1
    WANTED = 2


class Turns:
    """The side of those who hold a turn for as long as they work; `Signals.claim` takes the same ones. The owner
    is any text that nobody else has. Raises RedisError when Redis does not answer."""

    def __init__(self, client: "redis.Redis") -> None:
        self._redis = client
        self._keep = client.register_script(_KEEP)
        self._leave = client.register_script(_LEAVE)

    def take(self, name: str, owner: str, seconds: int) -> bool:
        """Take a turn, which fades after some seconds. False when somebody has it, who is told by `keep`
        that it is wanted."""
        if self._redis.set(_claim_key(name), owner, ex=seconds, nx=True):
            return True
        self._redis.set(_wish_key(name), b"1", ex=_WISH_SECONDS)
        return False

    def keep(self, name: str, owner: str, seconds: int) -> Held:
        """Hold a turn for some seconds more."""
        return Held(int(self._keep(keys=[_claim_key(name), _wish_key(name)], args=[owner, seconds])))

    def leave(self, name: str, owner: str) -> None:
        """Give a turn back, if it is still the owner's."""
        self._leave(keys=[_claim_key(name)], args=[owner])


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


def _claim_key(name: str) -> str:
    return f"wd:claim:{name}"


def _wish_key(name: str) -> str:
    return f"wd:wish:{name}"
