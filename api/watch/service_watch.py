"""Reads what the whole service does now. Each part is read at most once in some seconds, however many ask."""

import logging
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

import redis
from sqlalchemy.exc import SQLAlchemyError

from api.live.stream_document import situation
from api.tables.overview import Overview
from api.watch.scale import Scale, scale, wanted_fps
from contracts.database.tables import Stream
from contracts.errors import Unavailable, WebDetectorError
from contracts.live import presence
from contracts.live.spec_of import options_of
from contracts.live.streams import StreamState
from contracts.metrics import table
from contracts.metrics.table import Metric, Reading
from contracts.results.port import ResultStore
from contracts.settings.table import Settings
from contracts.wire.job_states import JobState
from contracts.workers.registration import Instance, Worker, instances

log = logging.getLogger(__name__)
T = TypeVar("T")

_KEEP_SECONDS = 2.0
_KEEP_SERVERS_SECONDS = 1.0
# What takes long to read, such as what a hundred thousand queued jobs add up to, is kept for so long that reading it
# takes no more than this share of the time.
_MOST_OF_TIME, _KEEP_LONGEST_SECONDS = 0.05, 60.0
# Jobs that run at once are few; of more, the chunks of the first ones are counted.
_MOST_JOBS = 200
_OUTAGES = (WebDetectorError, SQLAlchemyError, redis.RedisError, OSError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Jobs:
    """by_state: those that have not ended. backlog: their frames without a result; of jobs that are not planned yet,
    all frames of their videos. outstanding: chunks that were sent and have no result."""

    by_state: dict[str, int]
    backlog: int
    outstanding: int


@dataclass(frozen=True, slots=True)
class Streams:
    """wanted, served: frames per second of all live ones."""

    by_state: dict[str, int]
    wanted: float
    served: float


class Kept(Generic[T]):
    """What a function returned, for some seconds, or longer where it takes long. Of several who ask, one calls it and
    the others wait. An outage is kept as well, for 2 seconds at most: a server that hangs is not waited for again by
    whoever asks next."""

    def __init__(self, read: Callable[[], T], seconds: float) -> None:
        self._read, self._seconds = read, seconds
        self._lock = threading.Lock()
        self._until = 0.0
        self._value: T | None = None
        self._outage: Exception | None = None

    def __call__(self) -> T:
        """Raises what the function raises."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._renew()
            if self._outage is not None:
                raise self._outage
            return cast("T", self._value)

    def _renew(self) -> None:
        seconds, began = self._seconds, time.monotonic()
        try:
            self._value, self._outage = self._read(), None
            took = time.monotonic() - began
            seconds = max(seconds, min(took / _MOST_OF_TIME, _KEEP_LONGEST_SECONDS))
        except _OUTAGES as error:
            self._outage, seconds = error, min(seconds, _KEEP_SECONDS)
        self._until = time.monotonic() + seconds


class ServiceWatch:
    """Of one api process, for all its threads. client: with short timeouts, since scrapes must not hang with Redis."""

    def __init__(self, settings: Settings, overview: Overview, store: ResultStore, client: "redis.Redis") -> None:
        self._settings, self._overview, self._store, self._redis = settings, overview, store, client
        self.jobs = Kept(self._jobs, _KEEP_SECONDS)
        self.streams = Kept(self._streams, _KEEP_SECONDS)
        self.workers = Kept(lambda: instances(client), _KEEP_SECONDS)
        self._stored = Kept(overview.stored_bytes, _KEEP_SECONDS)
        # Server name -> whether it answers; set by the application.
        self.servers: Callable[[], dict[str, bool]] = dict
        self._servers = Kept(lambda: self.servers(), _KEEP_SERVERS_SECONDS)

    def scales(self) -> dict[str, Scale]:
        """By role: of the detectors of jobs and of streams. Raises Unavailable, without asking any server, where one
        that it takes is known not to answer; and what reading raises."""
        if down := _FOR_SCALES & self._down():
            raise Unavailable(
                f"no answer from {', '.join(sorted(down))}: try again later, and change nothing until then"
            )
        backlog = wanted_fps(self.jobs().backlog, self._settings.scale_target_seconds)
        return {
            "detector": scale(backlog, self._speeds("detector")),
            "live_detector": scale(self.streams().wanted, self._speeds("live_detector")),
        }

    def readings(self) -> list[Reading]:
        """The gauges of the api. What cannot be read now is left out: `SERVER_UP` says why. A server that does not
        answer is not asked, since one that hangs would be waited for longer than a scrape may take."""
        return [reading for part, needed in _PARTS if not needed & self._down() for reading in self._part(part)]

    def known_workers(self) -> list[Instance] | None:
        """The workers that are there; None where Redis does not tell."""
        try:
            return None if "redis" in self._down() else self.workers()
        except _OUTAGES:
            return None

    def _down(self) -> set[str]:
        """The servers that are known not to answer."""
        try:
            return {name for name, is_up in self._servers().items() if not is_up}
        except _OUTAGES:
            return set()

    def _speeds(self, role: Worker) -> list[float]:
        return [one.fps for one in self.workers() if one.role == role]

    def _part(self, part: "Callable[[ServiceWatch], Iterator[Reading]]") -> list[Reading]:
        try:
            return list(part(self))
        except _OUTAGES as error:
            log.warning("some metrics cannot be read: %s", error)
            return []

    def _jobs(self) -> Jobs:
        unplanned, planned = self._overview.unplanned(), self._overview.planned()
        running = [job for job in planned if job.state == JobState.RUNNING]
        done = self._store.progress_of([job.id for job in running]) if running else []
        left = sum(max(0, job.frames - one.frames) for job, one in zip(running, done, strict=True))
        sent = sum(max(0, job.chunks_sent - len(self._store.chunk_indexes(job.id))) for job in running[:_MOST_JOBS])
        by_state = {state: jobs for state, (jobs, _) in unplanned.items()} | Counter(job.state for job in planned)
        return Jobs(by_state, left + sum(frames for _, frames in unplanned.values()), sent)

    def _streams(self) -> Streams:
        rows = self._overview.streams()
        seen = presence.read(self._redis, [row.id for row in rows if row.wanted == "running"])
        by_state: Counter[str] = Counter()
        wanted = served = 0.0
        for row in rows:
            ingest, detector = seen.get(row.id, (None, None))
            state = situation(row, ingest).state
            by_state[state] += 1
            if state == StreamState.LIVE and ingest is not None:
                wanted += min(ingest.fps, _most_fps(row))
                served += detector.fps if detector is not None else 0.0
        return Streams(dict(by_state), wanted, served)

    def _of_jobs(self) -> Iterator[Reading]:
        jobs = self.jobs()
        yield from _by_label(table.JOBS, jobs.by_state)
        yield Reading(table.BACKLOG_FRAMES, jobs.backlog)
        yield Reading(table.CHUNKS_OUTSTANDING, jobs.outstanding)

    def _of_streams(self) -> Iterator[Reading]:
        streams = self.streams()
        yield from _by_label(table.STREAMS, streams.by_state)
        yield Reading(table.LIVE_WANTED, streams.wanted)
        yield Reading(table.LIVE_SERVED, streams.served)

    def _of_workers(self) -> Iterator[Reading]:
        yield from _by_label(table.WORKERS, Counter(str(one.role) for one in self.workers()))

    def _of_servers(self) -> Iterator[Reading]:
        for name, is_up in self._servers().items():
            yield Reading(table.SERVER_UP, float(is_up), (name,))

    def _of_scale(self) -> Iterator[Reading]:
        for role, found in self.scales().items():
            yield Reading(table.SCALE_RATIO, found.ratio, (role,))
            yield Reading(table.DETECTORS_WANTED, found.wanted, (role,))
            yield Reading(table.CAPACITY, found.capacity, (role,))

    def _of_storage(self) -> Iterator[Reading]:
        yield from _by_label(table.STORAGE_BYTES, self._stored())
        if not self._settings.storage_url:
            folder = Path(self._settings.storage_path)
            there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
            yield Reading(table.STORAGE_FREE, shutil.disk_usage(there).free)

    def _of_result_store(self) -> Iterator[Reading]:
        yield Reading(table.RESULT_STORE_BYTES, self._store.size())


_FOR_SCALES = {"database", "result_store", "redis"}
# With the servers that each needs. The servers last, so that they tell of one that has just made another part fail.
_PARTS: tuple[tuple[Callable[[ServiceWatch], Iterator[Reading]], set[str]], ...] = (
    (ServiceWatch._of_jobs, {"database", "result_store"}),
    (ServiceWatch._of_streams, {"database", "redis"}),
    (ServiceWatch._of_workers, {"redis"}),
    (ServiceWatch._of_scale, _FOR_SCALES),
    (ServiceWatch._of_storage, {"database"}),
    (ServiceWatch._of_result_store, {"result_store"}),
    (ServiceWatch._of_servers, set()),
)


def _by_label(metric: Metric, values: Any) -> Iterator[Reading]:
    """All values of the label, 0 for those that are not there."""
    for name in metric.values:
        yield Reading(metric, values.get(name, 0), (name,))


def _most_fps(row: Stream) -> float:
    most = options_of(row).max_fps
    return float("inf") if most is None else most
