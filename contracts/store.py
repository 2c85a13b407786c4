"""The running jobs' state that all roles share: chunk results, progress, leases, flags.

One hash per job and kind, so that one TTL, renewed while the job lives, covers them all.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import redis

from contracts.messages import Layout, decode, encode

MAX_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Progress:
    """frames with a result so far, and seconds that detectors spent on them."""

    frames: int
    seconds: float


class ResultStore(Protocol):
    """What the roles know of a running job. Every write is first-wins or overwrites itself, so
    that a repeated task changes nothing."""

    def put_chunk(self, job_id: str, index: int, data: bytes) -> bool:
        """Keep a chunk's bytes; False when there already are some, which stay."""

    def get_chunk(self, job_id: str, index: int) -> bytes | None:
        """A chunk's bytes, None while there are none."""

    def chunk_indexes(self, job_id: str) -> frozenset[int]:
        """Which chunks are stored."""

    def put_layout(self, job_id: str, layout: Layout) -> None:
        """Keep how the job's chunks cover its frames."""

    def get_layout(self, job_id: str) -> Layout | None:
        """The job's layout, None before planning or after the store has forgotten the job."""

    def begin_attempt(self, job_id: str, index: int) -> int:
        """Count a try at a chunk; the number of tries, this one included."""

    def attempts(self, job_id: str) -> dict[int, int]:
        """Tries so far by chunk."""

    def take_lease(self, job_id: str, index: int, owner: str, seconds: int) -> bool:
        """Take a chunk in hand, or give a sign of life; False when another owner has it."""

    def release_lease(self, job_id: str, index: int) -> None:
        """The chunk is no longer in hand."""

    def leased(self, job_id: str, index: int) -> bool:
        """Whether some detector has the chunk in hand."""

    def set_progress(self, job_id: str, index: int, frames: int, seconds: float) -> None:
        """How far a chunk is; overwrites what a former try said."""

    def progress(self, job_id: str) -> Progress:
        """The sum over all chunks."""

    def fix_precision(self, job_id: str, precision: str) -> str:
        """Settle the job's precision if nobody did; the one that holds."""

    def precision(self, job_id: str) -> str | None:
        """The job's settled precision."""

    def request_cancel(self, job_id: str) -> None:
        """Ask the job's tasks to stop."""

    def cancelled(self, job_id: str) -> bool:
        """Whether the job was asked to stop."""

    def touch(self, job_id: str) -> None:
        """Renew the job's TTL."""

    def forget(self, job_id: str) -> None:
        """Remove everything of the job."""

    def claim(self, name: str, seconds: int) -> bool:
        """Take a named turn for some seconds; False when somebody has it."""

    def reply(self, name: str, data: bytes, seconds: int) -> None:
        """Leave an answer for the one who waits for it, or for some seconds."""


_KINDS = ("chunks", "attempts", "progress", "state")


class RedisResultStore:
    """ResultStore in a server of the Redis protocol."""

    def __init__(self, client: "redis.Redis", ttl_seconds: int) -> None:
        self._redis = client
        self._ttl = ttl_seconds

    @classmethod
    def connect(cls, url: str, ttl_seconds: int) -> "RedisResultStore":
        """A store behind a redis://, rediss:// or unix:// URL; connects at the first use."""
        return cls(redis.Redis.from_url(url, health_check_interval=30), ttl_seconds)

    def put_chunk(self, job_id: str, index: int, data: bytes) -> bool:
        return bool(self._write(job_id, "chunks", "hsetnx", index, data))

    def get_chunk(self, job_id: str, index: int) -> bytes | None:
        value: Any = self._redis.hget(_key(job_id, "chunks"), str(index))
        return bytes(value) if value is not None else None

    def chunk_indexes(self, job_id: str) -> frozenset[int]:
        keys: Any = self._redis.hkeys(_key(job_id, "chunks"))
        return frozenset(int(key) for key in keys)

    def put_layout(self, job_id: str, layout: Layout) -> None:
        self._write(job_id, "state", "hset", "layout", encode(layout))

    def get_layout(self, job_id: str) -> Layout | None:
        data: Any = self._redis.hget(_key(job_id, "state"), "layout")
        return decode(data, Layout) if data else None

    def begin_attempt(self, job_id: str, index: int) -> int:
        return int(self._write(job_id, "attempts", "hincrby", index, 1))

    def attempts(self, job_id: str) -> dict[int, int]:
        values: Any = self._redis.hgetall(_key(job_id, "attempts"))
        return {int(index): int(count) for index, count in values.items()}

    def take_lease(self, job_id: str, index: int, owner: str, seconds: int) -> bool:
        key = _key(job_id, f"lease:{index}")
        if self._redis.set(key, owner.encode(), ex=seconds, nx=True):
            return True
        if self._redis.get(key) != owner.encode():
            return False
        self._redis.expire(key, seconds)
        return True

    def release_lease(self, job_id: str, index: int) -> None:
        self._redis.delete(_key(job_id, f"lease:{index}"))

    def leased(self, job_id: str, index: int) -> bool:
        return bool(self._redis.exists(_key(job_id, f"lease:{index}")))

    def set_progress(self, job_id: str, index: int, frames: int, seconds: float) -> None:
        self._write(job_id, "progress", "hset", index, f"{frames} {seconds:.6f}")

    def progress(self, job_id: str) -> Progress:
        values: Any = self._redis.hvals(_key(job_id, "progress"))
        pairs = [value.split() for value in values]
        return Progress(sum(int(frames) for frames, _ in pairs), sum(float(seconds) for _, seconds in pairs))

    def fix_precision(self, job_id: str, precision: str) -> str:
        self._write(job_id, "state", "hsetnx", "precision", precision)
        return self.precision(job_id) or precision

    def precision(self, job_id: str) -> str | None:
        value: Any = self._redis.hget(_key(job_id, "state"), "precision")
        return value.decode() if value else None

    def request_cancel(self, job_id: str) -> None:
        self._write(job_id, "state", "hset", "cancel", b"1")

    def cancelled(self, job_id: str) -> bool:
        return bool(self._redis.hexists(_key(job_id, "state"), "cancel"))

    def touch(self, job_id: str) -> None:
        with self._redis.pipeline(transaction=False) as pipe:
            for kind in _KINDS:
                pipe.expire(_key(job_id, kind), self._ttl)
            pipe.execute()

    def forget(self, job_id: str) -> None:
        leases = [_key(job_id, f"lease:{index}") for index in self.attempts(job_id)]
        self._redis.delete(*(_key(job_id, kind) for kind in _KINDS), *leases)

    def claim(self, name: str, seconds: int) -> bool:
        return bool(self._redis.set(f"wd:claim:{name}", b"1", ex=seconds, nx=True))

    def reply(self, name: str, data: bytes, seconds: int) -> None:
        with self._redis.pipeline() as pipe:
            pipe.rpush(reply_key(name), data)
            pipe.expire(reply_key(name), seconds)
            pipe.execute()

    def _write(self, job_id: str, kind: str, command: str, *arguments: Any) -> Any:
        """One write to a job's hash, and its TTL renewed in the same round trip."""
        key = _key(job_id, kind)
        with self._redis.pipeline() as pipe:
            getattr(pipe, command)(key, *arguments)
            pipe.expire(key, self._ttl)
            return pipe.execute()[0]


def reply_key(name: str) -> str:
    """The list in which `reply` leaves its answer, for those who wait with BLPOP."""
    return f"wd:reply:{name}"


def _key(job_id: str, kind: str) -> str:
    return f"wd:job:{job_id}:{kind}"
