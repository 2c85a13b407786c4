"""Redis coordination: locks, debounces, counters and one-shot replies.

Nothing here outlives a few minutes (counters: a week), so it stays in Redis wherever the results are kept.
Names come from `contracts.coordination.names`.
"""

import logging
import time
from collections.abc import Sequence
from enum import Enum
from typing import Any

import redis
from redis import asyncio as aioredis
from redis.exceptions import RedisError

from contracts.coordination.requests import Requests

log = logging.getLogger(__name__)

_CONTENDED_SECONDS = 3
_TURNS_SECONDS = 86_400
# KEYS: lock, contention mark; ARGV: owner, seconds. An expired lock that nobody else has taken is renewed.
_RENEW = """
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return 1 + redis.call('EXISTS', KEYS[2])
"""
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


# KEYS: hash of amounts by holder; ARGV: holder, amount, limit of the sum or 0, seconds.
_RESERVE = """
local reserved = 0
local kept = redis.call('HGETALL', KEYS[1])
for i = 1, #kept, 2 do
  if kept[i] ~= ARGV[1] then reserved = reserved + tonumber(kept[i + 1]) end
end
if tonumber(ARGV[3]) > 0 and reserved + tonumber(ARGV[2]) > tonumber(ARGV[3]) then return reserved end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return -1
"""


class Coordination:
    """Debounces, counters, and the sending side of replies; `locks` for work that one process does at a time,
    `requests` for what it answers together. Raises RedisError when Redis does not answer.

    A debounce has no owner: it keeps others away until it is released or expires.
    """

    def __init__(self, client: "redis.Redis") -> None:
        self.locks = Locks(client)
        self.requests = Requests(client)
        self._redis = client
        self._reserve = client.register_script(_RESERVE)

    @classmethod
    def connect(cls, url: str) -> "Coordination":
        """Use the server of a redis://, rediss:// or unix:// URL; connects at the first use."""
        return cls(redis.Redis.from_url(url, health_check_interval=30))

    def debounce(self, name: str, seconds: int) -> bool:
        """True for the first caller; False for all others until the seconds have passed."""
        return self.acquire(name, seconds)

    def acquire(self, name: str, seconds: int) -> bool:
        """Take what expires after the seconds; False when it is held."""
        return bool(self._redis.set(_lock_key(name), b"1", ex=seconds, nx=True))

    def is_held(self, name: str) -> bool:
        """Whether it (or a lock of that name) is held."""
        return bool(self._redis.exists(_lock_key(name)))

    def renew(self, name: str, seconds: int) -> None:
        """Set its time to live."""
        self._redis.set(_lock_key(name), b"1", ex=seconds)

    def release(self, name: str) -> None:
        """Release it."""
        self._redis.delete(_lock_key(name))

    def count(self, name: str, seconds: int) -> int:
        """Increment a counter that expires after the seconds; its new value."""
        with self._redis.pipeline() as pipe:
            pipe.incr(_counter_key(name))
            pipe.expire(_counter_key(name), seconds)
            return int(pipe.execute()[0])

    def reset_count(self, name: str) -> None:
        """Reset a counter to zero."""
        self._redis.delete(_counter_key(name))

    def reserve(self, key: str, holder: str, amount: int, limit: int, seconds: int) -> int | None:
        """Reserve an amount of a shared limit (0: unlimited). None when reserved, else the sum that the others hold.

        A holder's next reservation replaces its last one. All of them expire after the seconds.
        """
        reserved = int(self._reserve(keys=[key], args=[holder, amount, limit, seconds]))
        return None if reserved < 0 else reserved

    def count_repeats(self, name: str, value: str, seconds: int) -> int:
        """How many times in a row the value was given under the name, this one included. Expires after the seconds.

        Not atomic: for one caller at a time.
        """
        key = _repeats_key(name)
        known: Any = self._redis.get(key)
        before, _, times = (known or b"").decode().rpartition(" ")
        count = int(times) + 1 if before == value else 1
        self._redis.set(key, f"{value} {count}", ex=seconds)
        return count

    def forget_repeats(self, name: str) -> None:
        """Remove what `count_repeats` keeps."""
        self._redis.delete(_repeats_key(name))

    def keep_place(self, name: str, place: str | None, seconds: int) -> None:
        """Note how far long work has come, for as long as the seconds; None for its end. A place may hold bytes of a
        file name that are not UTF-8, as os.fsdecode gives them."""
        if place is None:
            self._redis.delete(_place_key(name))
        else:
            self._redis.set(_place_key(name), place.encode(errors="surrogateescape"), ex=seconds)

    def place(self, name: str) -> str:
        """Where long work goes on; empty for its beginning."""
        kept: Any = self._redis.get(_place_key(name))
        return kept.decode(errors="surrogateescape") if kept else ""

    def note_turn(self, name: str, holder: str) -> None:
        """Record that a holder has its turn now. Kept for a day."""
        now = time.time()
        key = _turns_key(name)
        with self._redis.pipeline() as pipe:
            pipe.zadd(key, {holder: now})
            pipe.zremrangebyscore(key, 0, now - _TURNS_SECONDS)
            pipe.expire(key, _TURNS_SECONDS)
            pipe.execute()

    def last_turns(self, name: str, holders: list[str]) -> dict[str, float]:
        """When the holders had their last turn, in seconds since 1970; 0 for none."""
        times: Any = self._redis.zmscore(_turns_key(name), holders) if holders else []
        return {holder: float(at or 0) for holder, at in zip(holders, times, strict=True)}

    def reply(self, name: str, data: bytes, seconds: int) -> None:
        """Send a reply, kept for the seconds if nobody waits yet."""
        with self._redis.pipeline() as pipe:
            pipe.rpush(_reply_key(name), data)
            pipe.expire(_reply_key(name), seconds)
            pipe.execute()


class LockState(Enum):
    """State of a lock for its owner. CONTENDED: held, and another one tried to acquire it within the last seconds."""

    LOST = 0
    HELD = 1
    CONTENDED = 2


class Locks:
    """Locks with an owner, any unique text. `Coordination.acquire` of the same name is kept out, too. Raises RedisError
    when Redis does not answer."""

    def __init__(self, client: "redis.Redis") -> None:
        self._redis = client
        self._renew = client.register_script(_RENEW)
        self._release = client.register_script(_RELEASE)

    def acquire(self, name: str, owner: str, seconds: int) -> bool:
        """Take a lock that expires after the seconds. False when it is held; its owner's `renew` then says
        CONTENDED."""
        if self._redis.set(_lock_key(name), owner, ex=seconds, nx=True):
            return True
        self._redis.set(_contended_key(name), b"1", ex=_CONTENDED_SECONDS)
        return False

    def renew(self, name: str, owner: str, seconds: int) -> LockState:
        """Set the time to live of a lock; LOST when another owner has it."""
        return LockState(int(self._renew(keys=[_lock_key(name), _contended_key(name)], args=[owner, seconds])))

    def free(self, names: Sequence[str]) -> list[str]:
        """Those of the locks that nobody holds, in one round trip."""
        owners: Any = self._redis.mget([_lock_key(name) for name in names]) if names else []
        return [name for name, owner in zip(names, owners, strict=True) if owner is None]

    def owner(self, name: str) -> str | None:
        """Who holds a lock."""
        found: Any = self._redis.get(_lock_key(name))
        return None if found is None else found.decode()

    def release(self, name: str, owner: str) -> None:
        """Release a lock, if it is still the owner's."""
        self._release(keys=[_lock_key(name)], args=[owner])


class Replies:
    """The receiving side of replies, without blocking the event loop."""

    def __init__(self, url: str, longest_seconds: int) -> None:
        # The client's default timeout of 5 s would end a longer wait.
        self._redis = aioredis.Redis.from_url(url, health_check_interval=30, socket_timeout=longest_seconds + 5)

    async def wait_for(self, name: str, seconds: int) -> bytes | None:
        """Wait for a reply of `Coordination.reply`; None when it does not come in time."""
        try:
            answer: Any = await self._redis.blpop([_reply_key(name)], timeout=seconds)
        except RedisError as error:
            log.warning("cannot wait for the reply %s: %s", name, error)
            return None
        return bytes(answer[1]) if answer else None

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()


def _lock_key(name: str) -> str:
    return f"wd:claim:{name}"


def _contended_key(name: str) -> str:
    return f"wd:wish:{name}"


def _counter_key(name: str) -> str:
    return f"wd:count:{name}"


def _repeats_key(name: str) -> str:
    return f"wd:seen:{name}"


def _place_key(name: str) -> str:
    return f"wd:place:{name}"


def _turns_key(name: str) -> str:
    return f"wd:turns:{name}"


def _reply_key(name: str) -> str:
    return f"wd:reply:{name}"
