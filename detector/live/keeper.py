"""Takes streams, keeps their locks, and says what becomes of them: once a second, in the process' main thread.

It imports no inference library and no numpy: those come with the first stream.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Protocol

import msgspec
import redis

from contracts.coordination.leases import Locks, LockState
from contracts.coordination.names import stream_detector
from contracts.errors import WebDetectorError
from contracts.live import presence
from contracts.live.presence import DetectorPresence
from contracts.live.registry import StreamRegistry
from contracts.live.streams import StreamSpec
from contracts.metrics.bounded import per_stream
from contracts.metrics.table import LEASE_AGE, STREAM_SERVED, STREAMS_HELD, Reading
from contracts.models.catalogue import Catalogue
from contracts.runtime.tracing import about
from contracts.workers.registration import (
    INTERVAL_SECONDS,
    Loaded,
    count_workers,
    register,
    unregister,
)
from detector.live.assignment import Waiting, share, to_give, wanted

log = logging.getLogger(__name__)

LOCK_SECONDS = 5
TICK_SECONDS = 1.0
# Who asked for a stream before that may have been this detector itself.
SETTLED_SECONDS = 4.0


class Analysing(Protocol):
    """What analyses streams: see detector.live.analysis.Analysis."""

    def start(self, spec: StreamSpec, seconds: float) -> None: ...
    def hold(self, stream_id: str, seconds: float) -> None: ...
    def update(self, spec: StreamSpec) -> None: ...
    def stop(self, stream_ids: Sequence[str]) -> None: ...
    def presences(self) -> dict[str, DetectorPresence]: ...
    def close(self) -> None: ...


class Keeper:
    """The streams of one live detector."""

    def __init__(
        self,
        client: "redis.Redis",
        instance: str,
        pools: Collection[str],
        catalogue: Catalogue,
        begin: Callable[[Callable[[Sequence[Loaded]], None]], Analysing],
    ) -> None:
        """client: with short timeouts. begin: makes what analyses, when the first stream comes; its argument is called
        with all loaded models after each load."""
        self._redis, self._instance, self._pools, self._catalogue = client, instance, pools, catalogue
        self._begin = begin
        self._registry, self._locks = StreamRegistry(client), Locks(client)
        self._analysis: Analysing | None = None
        self._loaded: bytes = b"[]"
        self._revision: int | None = None
        self._wanted: dict[str, StreamSpec] = {}  # all that run, of anybody
        self._mine: dict[str, StreamSpec] = {}
        self._taken: dict[str, float] = {}  # when each of them was
        self._waiting = Waiting()
        self._registered = 0.0
        self._detectors = 1
        self._renewed: dict[str, float] = {}  # when the lock of each of mine was
        self._known: dict[str, DetectorPresence] = {}

    def readings(self, most: int) -> list[Reading]:
        """The gauges of this process, with so many series per stream; may be called in any thread."""
        now, renewed = time.monotonic(), list(self._renewed.values())
        served = {stream_id: known.fps for stream_id, known in self._known.items()}
        return [
            Reading(STREAMS_HELD, len(renewed)),
            Reading(LEASE_AGE, max((now - moment for moment in renewed), default=0.0)),
            *per_stream(STREAM_SERVED, served, most),
        ]

    def tick(self) -> None:
        """Do all that is due. Raises RedisError; the next call goes on."""
        now = time.monotonic()
        self._register(now)
        self._read_registry()
        self._keep(now)
        self._take(now)
        if self._analysis is not None:
            self._known = self._analysis.presences()
            for stream_id, known in self._known.items():
                presence.write(self._redis, stream_id, known)

    def close(self) -> None:
        """Give all streams back. Raises RedisError, after everything else has ended."""
        mine = list(self._mine)
        self._mine.clear()
        if self._analysis is not None:
            self._analysis.close()
        for stream_id in mine:
            self._release(stream_id)
        unregister(self._redis, "live_detector", self._instance)

    def _register(self, now: float) -> None:
        if now - self._registered < INTERVAL_SECONDS:
            return
        register(self._redis, "live_detector", self._instance, self._loaded)
        self._detectors = count_workers(self._redis, "live_detector")
        self._registered = now

    def _set_loaded(self, loaded: Sequence[Loaded]) -> None:
        self._loaded, self._registered = msgspec.json.encode(loaded), 0.0

    def _read_registry(self) -> None:
        revision = self._registry.revision()
        if revision == self._revision:
            return
        specs = self._registry.read().values()
        self._wanted = wanted(specs, self._pools_of({spec.model for spec in specs}), self._pools)
        for stream_id, spec in self._mine.items():
            changed = self._wanted.get(stream_id, spec)
            if spec != changed and self._analysis is not None:
                self._mine[stream_id] = changed
                self._analysis.update(changed)
        self._revision = revision
        # Last: where Redis fails in it, all that are gone are analysed no more, and their locks end by themselves.
        self._give([stream_id for stream_id in self._mine if stream_id not in self._wanted])

    def _pools_of(self, models: Iterable[str]) -> dict[str, str]:
        found = {}
        for model in models:
            try:
                found[model] = self._catalogue.get(model).pool
            except WebDetectorError:  # the one that takes the stream says why
                continue
        return found

    def _keep(self, now: float) -> None:
        """Renew the locks, and give a stream back where another detector has too few."""
        asked, lost = [], []
        for stream_id in self._mine:
            state = self._locks.renew(stream_detector(stream_id), self._instance, LOCK_SECONDS)
            if state is LockState.LOST:
                lost.append(stream_id)
            else:
                self._renewed = {**self._renewed, stream_id: now}
            if self._analysis is not None:
                self._analysis.hold(stream_id, 0 if state is LockState.LOST else LOCK_SECONDS)
            if state is LockState.CONTENDED and now - self._taken[stream_id] > SETTLED_SECONDS:
                asked.append(stream_id)
        if lost:
            log.warning("another detector has taken %d streams", len(lost))
            self._drop(lost)
        given = to_give(asked, len(self._mine), self._share())
        if given is not None:
            self._give([given])
            self._waiting.refused(given, now)

    def _take(self, now: float) -> None:
        free = [stream_id for stream_id in self._wanted if stream_id not in self._mine]
        for stream_id in self._waiting.to_ask(free, len(self._mine), self._share(), now):
            if not self._locks.acquire(stream_detector(stream_id), self._instance, LOCK_SECONDS):
                self._waiting.refused(stream_id, now)
                continue
            if self._analysis is None:
                self._analysis = self._begin(self._set_loaded)
            spec = self._mine[stream_id] = self._wanted[stream_id]
            self._taken[stream_id] = now
            self._renewed = {**self._renewed, stream_id: now}
            with about(stream=stream_id):
                log.info("stream %s is analysed here", stream_id)
                self._analysis.start(spec, LOCK_SECONDS)

    def _share(self) -> int:
        return share(len(self._wanted), self._detectors)

    def _give(self, stream_ids: list[str]) -> None:
        """Stop analysing streams, and let others take them."""
        self._drop(stream_ids)
        for stream_id in stream_ids:
            self._release(stream_id)

    def _drop(self, stream_ids: list[str]) -> None:
        for stream_id in stream_ids:
            del self._mine[stream_id], self._taken[stream_id]
        self._renewed = {one: moment for one, moment in self._renewed.items() if one in self._mine}
        if stream_ids and self._analysis is not None:
            self._analysis.stop(stream_ids)

    def _release(self, stream_id: str) -> None:
        presence.clear(self._redis, stream_id, DetectorPresence)
        self._locks.release(stream_detector(stream_id), self._instance)
