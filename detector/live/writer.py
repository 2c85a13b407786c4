"""Writes results into Redis, in a thread of its own, so that no engine waits for it."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

import redis
from msgspec.structs import replace

from contracts.live import keys
from contracts.live.packet_reader import split_id
from contracts.live.results import FIELD, LiveFrame, encode, read
from contracts.live.streams import DropReason
from detector.live.frames import Ready
from detector.live.tracks import KEPT_SECONDS

log = logging.getLogger(__name__)

# Results that wait while Redis does not answer. When there are more, engines wait, and frames are dropped as BEHIND.
_MOST_WAITING = 256
_MOST_AT_ONCE = 64
_RETRY_SECONDS = 0.5


class _Result(NamedTuple):
    ready: Ready
    frame: LiveFrame


def _numbered(one: _Result) -> _Result:
    """With the tracks of its detections."""
    tracks = one.ready.owner.tracks
    return one if tracks is None else one._replace(frame=tracks.numbered(one.frame, one.ready.shown.spec))


class Writer:
    """Appends LiveFrames to the results of their streams, and trims these by age."""

    def __init__(self, client: "redis.Redis") -> None:
        self._redis = client
        self._waiting: queue.Queue[_Result | None] = queue.Queue(_MOST_WAITING)
        self._newest: dict[str, int] = {}  # milliseconds of Redis' clock of the newest result, by stream
        self._is_doubtful = False  # whether some of the batch may be written, by a try that failed
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    def put(self, ready: Ready, frame: LiveFrame) -> None:
        """Write a result; waits while too many wait."""
        self._waiting.put(_Result(ready, frame))

    def forget_all_but(self, stream_ids: Collection[str]) -> None:
        """The others have ended."""
        for stream_id in self._newest.keys() - stream_ids:
            self._newest.pop(stream_id, None)

    def stop(self) -> None:
        """Write what waits, and end. Nothing may be put any more."""
        self._stopping.set()
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (waiting := self._next()) is not None:
            try:
                self._write_held(waiting)
            except Exception:  # a fault of ours: without this thread, all streams would stop at a full queue
                log.exception("%d results are lost", len(waiting))

    def _write_held(self, waiting: list[_Result]) -> None:
        batch = []
        for ready, frame in waiting:
            if ready.owner.is_held:
                batch.append(_Result(ready, replace(frame, dropped=ready.owner.accounts.since_last())))
            else:
                ready.owner.accounts.drop(DropReason.BEHIND)
        self._is_doubtful = False
        if batch and self._done(self._open, batch):
            self._done(self._write, [_numbered(one) for one in batch])

    def _done(self, step: Callable[[list[_Result]], None], batch: list[_Result]) -> bool:
        """Take a step with a batch as soon as Redis answers; False where this ends before."""
        while True:
            try:
                step(batch)
                return True
            except redis.RedisError as error:
                log.warning("results cannot be written, next try in %g s: %s", _RETRY_SECONDS, error)
            if self._stopping.wait(_RETRY_SECONDS):
                return False

    def _next(self) -> list[_Result] | None:
        first = self._waiting.get()
        if first is None:
            return None
        batch = [first]
        while len(batch) < _MOST_AT_ONCE:
            try:
                one = self._waiting.get_nowait()
            except queue.Empty:
                break
            if one is None:
                self._waiting.put(None)
                break
            batch.append(one)
        return batch

    def _open(self, batch: list[_Result]) -> None:
        for ready, _ in batch:
            if ready.owner.tracks is not None:
                ready.owner.tracks.open(ready.shown.spec)

    def _write(self, batch: list[_Result]) -> None:
        done = time.time()
        batch = [one._replace(frame=replace(one.frame, done=done)) for one in batch]
        written = self._written(batch) if self._is_doubtful else {}
        new = [one for one in batch if one.ready.owner.id not in written]
        self._is_doubtful = True
        for (ready, _), entry_id in zip(new, self._append(new), strict=True):
            written[ready.owner.id] = entry_id
        for stream_id, entry_id in written.items():
            self._newest[stream_id] = split_id(entry_id)[0]
        for ready, frame in batch:
            ready.owner.accounts.analyse()
            ready.owner.note_result(frame)

    def _written(self, batch: list[_Result]) -> dict[str, bytes]:
        """The streams whose results were written though the answer did not come, with the id of the newest entry: a
        result twice looks as if the stream had been started anew."""
        last = {ready.owner.id: frame for ready, frame in batch}
        found: dict[str, bytes] = {}
        for stream_id, frame in last.items():
            entries: Any = self._redis.xrevrange(keys.results(stream_id), count=1)
            newest = read(entries[0][1]) if entries else None
            if newest is not None and (newest.pts, newest.arrival) == (frame.pts, frame.arrival):
                found[stream_id] = entries[0][0]
        return found

    def _append(self, new: list[_Result]) -> list[bytes]:
        """Returns the id of each entry."""
        tracks = {ready.owner.id: ready.owner.tracks for ready, _ in new if ready.owner.tracks is not None}
        # As one: where Redis is full, it would take the smaller ones of a stream, and the others after them later.
        with self._redis.pipeline(transaction=True) as pipe:
            for ready, frame in new:
                key, seconds = keys.results(ready.owner.id), ready.owner.retention.seconds(ready.shown.spec)
                newest = self._newest.get(ready.owner.id, 0)
                pipe.xadd(key, {FIELD: encode(frame)}, minid=max(0, newest - int(seconds * 1000)))
                pipe.expire(key, int(seconds) + 1)
            for stream_id, one in tracks.items():
                pipe.set(keys.tracker(stream_id), one.kept(), ex=KEPT_SECONDS)
            answers: list[bytes] = pipe.execute()
        return answers[: 2 * len(new) : 2]
