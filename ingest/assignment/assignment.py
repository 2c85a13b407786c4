"""Which streams this ingest reads: takes free ones, runs them, and ends those that are no longer its own."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

from redis.exceptions import RedisError

from contracts.errors import StreamNotFed
from contracts.live.presence import IngestPresence
from contracts.live.recordings import RecordingEnd
from contracts.live.streams import StreamSpec
from contracts.runtime.tracing import about
from ingest.assignment.desk import Desk, Taken, Turn
from ingest.assignment.lease import Lease
from ingest.assignment.metering import StreamMeter
from ingest.cancelling import cancelled
from ingest.sources.port import Source

log = logging.getLogger(__name__)
T = TypeVar("T")


class Reader(Protocol):
    """What reads one stream: see ingest.runner.Runner."""

    async def run(self) -> bool: ...

    def presence(self) -> IngestPresence: ...

    def change(self, spec: StreamSpec) -> None: ...

    async def end(self, reason: RecordingEnd, *, forget: bool) -> None: ...


@dataclass(slots=True)
class Held:
    """A stream of this ingest. source: the one that came with it. ending: the task that ends it."""

    spec: StreamSpec
    sealed_address: bytes
    lease: Lease
    reader: Reader
    run: "asyncio.Task[bool]"
    source: Source | None = None
    ending: "asyncio.Task[None] | None" = None


class Assignment:
    """Of one process, in one event loop.

    make: a reader for a stream that was taken, of the source that came with it, if one did.
    """

    def __init__(
        self, desk: Desk, make: Callable[[Taken, Source | None], Reader], meter: StreamMeter | None = None
    ) -> None:
        self._desk, self._make = desk, make
        self._meter = meter
        # One thread: the desk is for one at a time, and Redis that hangs keeps nothing else waiting.
        self._thread = ThreadPoolExecutor(1, "assignment")
        self._held: dict[str, Held] = {}
        self._away = self._closing = False

    async def begin(self, stream_id: str, source: Source) -> None:
        """Take the lock of a stream and read it from this source, in place of the one that it has, which is closed. The
        source belongs to the stream from then on. Raises StreamNotFed where the stream takes no sender now, RedisError.
        """
        spec = await self._in_thread(partial(self._desk.find, stream_id))
        if spec is None or spec.kind != "webrtc" or spec.wanted == "stopped" or self._closing:
            raise StreamNotFed("the stream takes no sender: it is stopped, deleted, or of another kind")
        while (held := self._held.get(stream_id)) is not None:
            await self._end(held, RecordingEnd.LOST)
        taken = await self._in_thread(partial(self._desk.take, spec))
        if taken is None:
            raise StreamNotFed("another ingest still reads the sender before: try again in some seconds")
        self._start(taken, source)

    async def tick(self) -> None:
        """About once a second."""
        leases = {stream_id: one.lease for stream_id, one in self._held.items()}
        seen = {stream_id: one.reader.presence() for stream_id, one in self._held.items() if one.ending is None}
        if self._meter is not None:
            self._meter.note(leases, seen)
        over = {stream_id for stream_id, one in self._held.items() if one.run.done()}  # as their presence says
        try:
            turn = await self._in_thread(partial(self._desk.turn, leases, seen))
        except RedisError as error:
            if not self._away:
                log.warning("Redis does not answer; the streams are read on: %s", error)
            self._away = True
            return
        self._away = False
        self._follow(turn, over)

    async def end(self) -> None:
        """End all streams in order, so that others take them at once."""
        self._closing = True
        await asyncio.gather(*(self._end(one, RecordingEnd.HANDED_OVER) for one in self._held.values()))
        self._thread.shutdown()

    def _follow(self, turn: Turn, over: Set[str]) -> None:
        for stream_id, one in list(self._held.items()):
            spec = turn.specs.get(stream_id)
            if one.ending is not None:
                continue
            if stream_id in turn.lost:
                log.warning("stream %s: another ingest has taken it", stream_id)
                self._end(one, RecordingEnd.INGEST_LOST)
            elif stream_id in over and _is_over(one.run):
                self._end(one, RecordingEnd.LOST)
            elif spec is None or spec.wanted == "stopped":
                self._end(one, RecordingEnd.STOPPED, forget=True)
            elif stream_id in turn.given_up:
                self._end(one, RecordingEnd.HANDED_OVER)
            elif spec != one.spec:
                self._change(one, spec, turn.addresses.get(stream_id, one.sealed_address))
        for taken in turn.taken:
            self._start(taken)

    def _start(self, taken: Taken, source: Source | None = None) -> None:
        reader = self._make(taken, source)
        with about(stream=taken.spec.id):
            log.info("stream %s: taken", taken.spec.id)
            run = asyncio.create_task(reader.run())
        self._held[taken.spec.id] = Held(taken.spec, taken.sealed_address, taken.lease, reader, run, source)

    def _change(self, one: Held, spec: StreamSpec, sealed_address: bytes) -> None:
        if one.run.done() or _source(spec, sealed_address) != _source(one.spec, one.sealed_address):
            # Given back: whoever has the least to do reads it anew.
            self._end(one, RecordingEnd.STOPPED)
        else:
            one.spec = spec
            one.reader.change(spec)

    def _end(self, one: Held, reason: RecordingEnd, *, forget: bool = False) -> "asyncio.Task[None]":
        """End a stream beside the others; the lease is kept until then."""
        if one.ending is None:
            with about(stream=one.spec.id):
                log.info("stream %s: given back, %s", one.spec.id, reason)
                one.ending = asyncio.create_task(self._ended(one, reason, forget))
        return one.ending

    async def _ended(self, one: Held, reason: RecordingEnd, forget: bool) -> None:
        await cancelled(one.run)
        try:
            try:
                if one.source is not None:  # else its reader has made it, and closed it; this one may not have begun
                    await one.source.close()
            finally:
                await one.reader.end(reason, forget=forget)
            await self._in_thread(partial(self._desk.release, one.spec.id, one.lease, forget=forget))
        except RedisError as error:
            log.warning("stream %s: its lease is left to expire: %s", one.spec.id, error)
        except Exception:  # of one stream, which must not keep others from their end
            log.exception("stream %s: it did not end in order, its lease is left to expire", one.spec.id)
        finally:
            del self._held[one.spec.id]

    def _in_thread(self, call: Callable[[], T]) -> Awaitable[T]:
        return asyncio.get_running_loop().run_in_executor(self._thread, call)


def _is_over(run: "asyncio.Task[bool]") -> bool:
    """Whether a reader has ended and its stream is to be given back."""
    if not run.done() or run.cancelled():
        return run.done()
    if error := run.exception():
        log.error("a reader ended unexpectedly", exc_info=error)
        return True
    return not run.result()


def _source(spec: StreamSpec, sealed_address: bytes) -> tuple[object, ...]:
    """What a source is connected by."""
    return spec.kind, spec.video_id, spec.started_at, spec.user_id, sealed_address
