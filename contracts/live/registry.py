"""The registry of streams in Redis, from which ingest and detectors read what to do.

The rows in the database are the original. The api publishes a stream with each change; the processor publishes all of
them now and then, which restores a lost Redis.
"""

import secrets
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec
import redis

from contracts.live import keys
from contracts.live.streams import StreamSpec

# In which the last recording of a stream that was deleted is filed.
_RESULTS_SECONDS = 600


class StreamRegistry:
    """Each method raises RedisError when Redis does not answer; all but `replace_all` are one round trip."""

    def __init__(self, client: "redis.Redis") -> None:
        self._redis = client

    def publish(self, spec: StreamSpec, sealed_address: bytes) -> None:
        """Add or replace a stream. sealed_address: empty for kinds without one."""
        with self._redis.pipeline() as pipe:
            pipe.hset(keys.SPECS, spec.id, msgspec.msgpack.encode(spec))
            if sealed_address:
                pipe.hset(keys.ADDRESSES, spec.id, sealed_address)
            else:
                pipe.hdel(keys.ADDRESSES, spec.id)
            _advance(pipe)
            pipe.execute()

    def remove(self, stream_id: str) -> None:
        """Remove a stream and everything that Redis keeps of it; results some time later, for its last recording."""
        with self._redis.pipeline() as pipe:
            pipe.hdel(keys.SPECS, stream_id)
            pipe.hdel(keys.ADDRESSES, stream_id)
            _forget(pipe, stream_id)
            _advance(pipe)
            pipe.execute()

    def replace_all(self, streams: Mapping[str, tuple[StreamSpec, bytes]], revision: int | None = None) -> None:
        """Publish exactly these streams, by id, where anything differs.

        revision: as it was before they were read; nothing is done when it has changed since, because something newer
        was published.
        """
        wanted = {one: msgspec.msgpack.encode(spec) for one, (spec, _) in streams.items()}
        sealed = {one: address for one, (_, address) in streams.items() if address}
        with self._redis.pipeline() as pipe, suppress(redis.WatchError):
            pipe.watch(keys.SPECS_REVISION)  # type: ignore[no-untyped-call]
            if revision not in (None, int(pipe.get(keys.SPECS_REVISION) or 0)):
                return
            specs, addresses = _texts(pipe.hgetall(keys.SPECS)), _texts(pipe.hgetall(keys.ADDRESSES))
            if (specs, addresses) == (wanted, sealed):
                return
            pipe.multi()
            pipe.delete(keys.SPECS, keys.ADDRESSES)
            if wanted:
                pipe.hset(keys.SPECS, mapping=wanted)  # type: ignore[arg-type]
            if sealed:
                pipe.hset(keys.ADDRESSES, mapping=sealed)  # type: ignore[arg-type]
            _advance(pipe)
            for gone in specs.keys() - wanted.keys():
                _forget(pipe, gone)
            pipe.execute()

    def revision(self) -> int:
        """A number that changes with every change."""
        return int(self._redis.get(keys.SPECS_REVISION) or 0)  # type: ignore[arg-type]

    def read(self) -> dict[str, StreamSpec]:
        """All streams by id. Those of a later release that cannot be read are left out."""
        found: dict[bytes, bytes] = self._redis.hgetall(keys.SPECS)  # type: ignore[assignment]
        specs = {}
        for one, data in found.items():
            try:
                specs[one.decode()] = msgspec.msgpack.decode(data, type=StreamSpec)
            except msgspec.DecodeError:
                continue
        return specs

    def sealed_address(self, stream_id: str) -> bytes:
        """The sealed address of a stream, empty without one."""
        return self._redis.hget(keys.ADDRESSES, stream_id) or b""  # type: ignore[return-value]


def _advance(pipe: "redis.client.Pipeline") -> None:
    # A Redis that has lost its data must not come to a number that its readers have seen.
    pipe.set(keys.SPECS_REVISION, secrets.randbits(48), nx=True)
    pipe.incr(keys.SPECS_REVISION)


def _texts(found: Any) -> dict[str, bytes]:
    return {name.decode(): value for name, value in found.items()}


def _forget(pipe: "redis.client.Pipeline", stream_id: str) -> None:
    kept = (keys.results(stream_id), keys.plans(stream_id))
    pipe.delete(*(key for key in keys.all_of(stream_id) if key not in kept))
    for key in kept:
        pipe.expire(key, _RESULTS_SECONDS)
