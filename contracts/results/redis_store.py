"""ResultStore in Redis or Valkey.

One hash per job and kind of data, each with a TTL that every write renews.
"""

from collections.abc import Sequence
from typing import Any

import redis
from redis.exceptions import RedisError

from contracts.errors import StoreUnavailable
from contracts.results.port import Cost, Hold, Progress, Sign, Standing
from contracts.wire.messages import Layout, decode, encode

_PREFIX = "wd:job:"
# KEYS: lease; ARGV: owner, seconds.
_TAKE_LEASE = """
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return 1
"""
# As _TAKE_LEASE. KEYS: lease, progress, cost, state; ARGV: owner, seconds, TTL, index, progress, attempt, cost.
_REPORT = """
redis.call('HSET', KEYS[3], ARGV[6], ARGV[7])
redis.call('EXPIRE', KEYS[3], ARGV[3])
local cancelled = redis.call('HEXISTS', KEYS[4], 'cancel')
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return {0, cancelled} end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
redis.call('HSET', KEYS[2], ARGV[4], ARGV[5])
redis.call('EXPIRE', KEYS[2], ARGV[3])
return {1, cancelled}
"""
# KEYS: chunks, state; ARGV: TTL, index, data. One that comes after the end of its job lives no longer than the others.
_PUT_CHUNK = """
local first = redis.call('HSETNX', KEYS[1], ARGV[2], ARGV[3])
if redis.call('TTL', KEYS[1]) < 0 or redis.call('HEXISTS', KEYS[2], 'cancel') == 0 then
  redis.call('EXPIRE', KEYS[1], ARGV[1])
end
return first
"""
_RELEASE_LEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
_NOTE = "note "
_KINDS = ("chunks", "attempts", "progress", "cost", "state")


class RedisResultStore:
    """ResultStore in Redis or Valkey."""

    def __init__(self, client: "redis.Redis", ttl_seconds: int) -> None:
        self._redis = client
        self._ttl = ttl_seconds
        self._take_lease = client.register_script(_TAKE_LEASE)
        self._release_lease = client.register_script(_RELEASE_LEASE)
        self._report = client.register_script(_REPORT)
        self._put_chunk = client.register_script(_PUT_CHUNK)

    @classmethod
    def connect(cls, url: str, ttl_seconds: int) -> "RedisResultStore":
        """The store at a redis://, rediss:// or unix:// URL; connects at the first use."""
        return cls(redis.Redis.from_url(url, health_check_interval=30), ttl_seconds)

    def put_chunk(self, job_id: str, index: int, data: bytes) -> bool:
        keys = [_key(job_id, "chunks"), _key(job_id, "state")]
        return bool(_run(self._put_chunk, keys, self._ttl, index, data))

    def get_chunk(self, job_id: str, index: int) -> bytes | None:
        value = self._ask("hget", _key(job_id, "chunks"), str(index))
        return bytes(value) if value is not None else None

    def has_chunk(self, job_id: str, index: int) -> bool:
        return bool(self._ask("hexists", _key(job_id, "chunks"), str(index)))

    def chunk_indexes(self, job_id: str) -> frozenset[int]:
        return frozenset(int(key) for key in self._ask("hkeys", _key(job_id, "chunks")))

    def put_layout(self, job_id: str, layout: Layout) -> None:
        self._write(job_id, "state", "hset", "layout", encode(layout))

    def get_layout(self, job_id: str) -> Layout | None:
        data = self._ask("hget", _key(job_id, "state"), "layout")
        return decode(data, Layout) if data else None

    def put_note(self, job_id: str, name: str, data: bytes) -> None:
        self._write(job_id, "state", "hset", _NOTE + name, data)

    def get_note(self, job_id: str, name: str) -> bytes | None:
        value = self._ask("hget", _key(job_id, "state"), _NOTE + name)
        return bytes(value) if value is not None else None

    def begin_attempt(self, job_id: str, index: int) -> int:
        return int(self._write(job_id, "attempts", "hincrby", index, 1))

    def withdraw_attempt(self, job_id: str, index: int) -> None:
        # Only the owner of the lease writes this field.
        if int(self._write(job_id, "attempts", "hincrby", index, -1)) <= 0:
            self._ask("hdel", _key(job_id, "attempts"), str(index))

    def attempts(self, job_id: str) -> dict[int, int]:
        values = self._ask("hgetall", _key(job_id, "attempts"))
        return {int(index): int(count) for index, count in values.items()}

    def take_lease(self, job_id: str, index: int, owner: str, seconds: int) -> bool:
        return bool(_run(self._take_lease, [_key(job_id, f"lease:{index}")], owner, seconds))

    def release_lease(self, job_id: str, index: int, owner: str) -> None:
        _run(self._release_lease, [_key(job_id, f"lease:{index}")], owner)

    def leased(self, job_id: str, index: int) -> bool:
        return bool(self._ask("exists", _key(job_id, f"lease:{index}")))

    def report(self, job_id: str, hold: Hold, sign: Sign) -> Standing:
        keys = [_key(job_id, kind) for kind in (f"lease:{hold.index}", "progress", "cost", "state")]
        done, spent = _progress_text(sign.frames, sign.seconds), _cost_text(sign.cost)
        held, cancelled = _run(
            self._report, keys, hold.owner, hold.seconds, self._ttl, sign.index, done, sign.attempt, spent
        )
        return Standing(bool(held), bool(cancelled))

    def set_progress(self, job_id: str, index: int, frames: int, seconds: float) -> None:
        self._write(job_id, "progress", "hset", index, _progress_text(frames, seconds))

    def set_cost(self, job_id: str, attempt: str, cost: Cost) -> None:
        self._write(job_id, "cost", "hset", attempt, _cost_text(cost))

    def progress(self, job_id: str) -> Progress:
        return self.progress_of([job_id])[0]

    def progress_of(self, job_ids: Sequence[str]) -> list[Progress]:
        # No transaction: a server that is out of memory refuses transactions even for reads.
        keys = [_key(job_id, kind) for kind in ("progress", "cost") for job_id in job_ids]
        answers = self._at_once(*(("hvals", key) for key in keys), whole=False)
        return [_sum(*both) for both in zip(answers[: len(job_ids)], answers[len(job_ids) :], strict=True)]

    def fix_runtime(self, job_id: str, runtime: str) -> str:
        key = _key(job_id, "state")
        settle, renew, get = ("hsetnx", key, "runtime", runtime), ("expire", key, self._ttl), ("hget", key, "runtime")
        settled: bytes = self._at_once(settle, renew, get)[-1]
        return settled.decode()

    def runtime(self, job_id: str) -> str | None:
        value = self._ask("hget", _key(job_id, "state"), "runtime")
        return value.decode() if value else None

    def request_cancel(self, job_id: str) -> None:
        self._write(job_id, "state", "hset", "cancel", b"1")

    def cancelled(self, job_id: str) -> bool:
        return bool(self._ask("hexists", _key(job_id, "state"), "cancel"))

    def touch(self, job_id: str) -> None:
        self._at_once(*(("expire", _key(job_id, kind), self._ttl) for kind in _KINDS))

    def retire(self, job_id: str, seconds: int) -> None:
        # In this order: a server that is out of memory refuses the second.
        self._ask("expire", _key(job_id, "chunks"), min(seconds, self._ttl))
        self.request_cancel(job_id)

    def drop_notes(self, job_id: str) -> None:
        key = _key(job_id, "state")
        if notes := [name for name in self._ask("hkeys", key) if name.startswith(_NOTE.encode())]:
            self._ask("hdel", key, *notes)

    def forget(self, job_id: str) -> None:
        leases = [_key(job_id, f"lease:{index}") for index in self.attempts(job_id)]
        self._ask("delete", *(_key(job_id, kind) for kind in _KINDS), *leases)

    def idle(self, seconds: float) -> frozenset[str]:
        idle: set[str] = set()
        busy: set[str] = set()
        cursor = None
        while cursor != 0:
            cursor, keys = self._ask("scan", cursor or 0, match=_key("*", "*"), count=1000)
            for key, left in zip(keys, self._at_once(*(("ttl", key) for key in keys)), strict=True):
                job_id, _, kind = key.decode().removeprefix(_PREFIX).partition(":")
                if kind in _KINDS:  # a lease expires within seconds
                    (idle if left < 0 or self._ttl - left >= seconds else busy).add(job_id)
        return frozenset(idle - busy)

    def sweep(self) -> int:
        return 0  # the server expires keys itself

    def size(self) -> int:
        return int(self._ask("info", "memory")["used_memory"])

    def ping(self) -> None:
        self._ask("ping")

    def _write(self, job_id: str, kind: str, command: str, *arguments: Any) -> Any:
        """Write to a job's hash and renew its TTL in one round trip."""
        key = _key(job_id, kind)
        return self._at_once((command, key, *arguments), ("expire", key, self._ttl))[0]

    def _ask(self, command: str, *arguments: Any, **options: Any) -> Any:
        """Run a command. Raises StoreUnavailable."""
        try:
            return getattr(self._redis, command)(*arguments, **options)
        except RedisError as error:
            raise _unavailable(error) from error

    def _at_once(self, *commands: tuple[Any, ...], whole: bool = True) -> list[Any]:
        """Run several commands in one round trip; whole: as a transaction. Raises StoreUnavailable."""
        if len(commands) == 1:
            return [self._ask(*commands[0])]
        try:
            with self._redis.pipeline(transaction=whole) as pipe:
                for command, *arguments in commands:
                    getattr(pipe, command)(*arguments)
                return pipe.execute()
        except RedisError as error:
            raise _unavailable(error) from error


def _run(script: Any, keys: list[str], *arguments: Any) -> Any:
    """Run a script. Raises StoreUnavailable."""
    try:
        return script(keys=keys, args=arguments)
    except RedisError as error:
        raise _unavailable(error) from error


def _progress_text(frames: int, seconds: float) -> str:
    return f"{frames} {seconds:.6f}"


def _cost_text(cost: Cost) -> str:
    return f"{cost.cpu_seconds:.6f} {cost.inferred}"


def _sum(done: list[bytes], costs: list[bytes]) -> Progress:
    pairs = [value.split() for value in done]
    spent = (Cost(float(seconds), int(inferred)) for seconds, inferred in map(bytes.split, costs))
    return Progress(
        sum(int(frames) for frames, _ in pairs), sum(float(seconds) for _, seconds in pairs), sum(spent, start=Cost())
    )


def _unavailable(error: RedisError) -> StoreUnavailable:
    return StoreUnavailable(f"the result store does not answer as it should: {error!r}")


def _key(job_id: str, kind: str) -> str:
    return f"{_PREFIX}{job_id}:{kind}"
