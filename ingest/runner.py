"""Reads one stream: connects its source, watches it, connects it anew, and says what is."""

import asyncio
import logging
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from redis.exceptions import RedisError

from contracts.live.presence import IngestPresence
from contracts.live.recordings import RecordingEnd
from contracts.live.streams import DropReason, Reason, StreamSpec, StreamState
from contracts.runtime.steps import step
from ingest.backoff import Backoff
from ingest.cancelling import cancelled
from ingest.pipeline import Pipeline
from ingest.sources.port import Source, SourceFailed

log = logging.getLogger(__name__)

_OPEN_SECONDS = 20.0
_CLOSE_SECONDS = 5.0
_REDIS_SECONDS = 1.0
_GRACE_SECONDS = 0.5


class Runner:
    """Of one stream. The only place that decides about reconnects, silence and states.

    The state is `failed` after a permanent failure: `run` has returned then, and the runner stays for its presence, and
    to write what is left of a recording. `end` comes in any case.
    """

    def __init__(
        self,
        instance: str,
        spec: StreamSpec,
        connect: Callable[[], Source],
        pipeline: Pipeline,
        silent_seconds: float,
        reconnects: bool = True,
    ) -> None:
        """connect: makes a source that is not opened yet; may raise SourceFailed. reconnects: whether a source that
        failed is connected anew, or another sender has to come."""
        self._instance, self._spec = instance, spec
        self._connect, self._pipeline, self._reconnecting = connect, pipeline, reconnects
        self._silent_seconds = silent_seconds
        self._backoff = Backoff()
        self._state, self._reason, self._detail = StreamState.CONNECTING, "", ""
        self._since = time.time()
        self._was_live = False
        self._reconnects = 0
        self._recording: asyncio.Task[None] | None = None

    async def run(self) -> bool:
        """Read until cancelled, or until the source failed for good. Whether the stream is to be kept then."""
        await self._begin()
        self._recording = asyncio.create_task(self._pipeline.record())
        while not await self._attempt():
            pass
        return self._reconnecting

    def presence(self) -> IngestPresence:
        """What is known now."""
        config, rates, now = self._pipeline.config, self._pipeline.rates, time.monotonic()
        recording, recording_error = self._pipeline.recording
        return IngestPresence(
            instance=self._instance,
            state=self._state,
            since=self._since,
            reason=self._reason,
            detail=self._detail,
            codec=config.codec if config else "",
            width=config.width if config else 0,
            height=config.height if config else 0,
            mime=config.mime if config else "",
            fps=rates.fps(now),
            kbps=rates.kbps(now),
            lag_ms=rates.lag_ms(),
            dropped={DropReason.NETWORK: self._pipeline.lost} if self._pipeline.lost else {},
            reconnects=self._reconnects,
            recording=recording,
            recording_error=recording_error,
        )

    def change(self, spec: StreamSpec) -> None:
        """Follow a change that the source is not connected anew for."""
        if (spec.record, spec.record_stopped) != (self._spec.record, self._spec.record_stopped):
            self._pipeline.change(spec.record, spec.record_stopped)
        if (spec.model, spec.options) != (self._spec.model, self._spec.options):
            self._pipeline.cut()
        self._spec = spec

    async def end(self, reason: RecordingEnd, *, forget: bool) -> None:
        """After `run`: end the recording. forget: remove the packets, too. Raises RedisError."""
        if self._recording is not None:
            await cancelled(self._recording)
        await self._pipeline.end(reason)
        if forget:
            await self._pipeline.forget()

    async def _begin(self) -> None:
        while True:
            try:
                return await self._pipeline.begin()
            except RedisError as error:
                log.warning("stream %s: begins later, Redis does not answer: %s", self._spec.id, error)
                await asyncio.sleep(_REDIS_SECONDS)

    async def _attempt(self) -> bool:
        """Read the source until it fails, and wait. Whether that was for good."""
        began = time.monotonic()
        with step("stream", begins=True, source=self._spec.kind, reconnects=self._reconnects) as session:
            failure = await self._failure()
            is_idle = _is_awaited(failure) and self._state is not StreamState.LIVE
            session.name, session.error = "" if is_idle else session.name, _error(failure)
        log.info("stream %s: %s, %s", self._spec.id, failure.reason, failure)
        self._pipeline.reconnected()
        if failure.permanent:
            self._enter(StreamState.FAILED, failure.reason, str(failure))
            return True
        waits = _is_awaited(failure)
        lost = StreamState.RECONNECTING if self._was_live and not waits else StreamState.CONNECTING
        self._enter(lost, failure.reason, str(failure))
        if not self._reconnecting:
            return True
        if not waits:
            await asyncio.sleep(self._backoff.after(time.monotonic() - began))
        return False

    async def _failure(self) -> SourceFailed:
        """Read the source until it fails."""
        try:
            await self._read()
        except SourceFailed as error:
            return error
        except Exception as error:
            # A fault of ours. Its text may contain an address, so only its type and place are logged.
            place = "".join(traceback.format_tb(error.__traceback__))
            log.error("the source of stream %s broke: %s\n%s", self._spec.id, type(error).__name__, place)
            return SourceFailed(Reason.SOURCE_BROKEN, "the reader of the source ended unexpectedly")

    async def _read(self) -> NoReturn:
        source = self._connect()
        try:
            await self._open(source)
            while True:
                await self._next(source)
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await source.close()

    async def _open(self, source: Source) -> None:
        with step("connect") as connection:
            try:
                async with asyncio.timeout(_OPEN_SECONDS):
                    await source.open()
            except TimeoutError:
                connection.error = str(Reason.UNREACHABLE)
                raise SourceFailed(Reason.UNREACHABLE, f"no answer within {_OPEN_SECONDS:g} seconds") from None
            except SourceFailed as error:
                connection.name, connection.error = "" if _is_awaited(error) else connection.name, _error(error)
                raise

    async def _next(self, source: Source) -> None:
        try:
            # Sources that watch for silence themselves say more.
            async with asyncio.timeout(self._silent_seconds + _GRACE_SECONDS):
                item = await source.read()
        except TimeoutError:
            text = f"connected, but no picture came for {self._silent_seconds:g} seconds"
            raise SourceFailed(Reason.SILENT, text) from None
        if await self._pipeline.accept(item):
            self._reconnects += self._state is StreamState.RECONNECTING
            self._was_live = True
            self._enter(StreamState.LIVE)

    def _enter(self, state: StreamState, reason: str = "", detail: str = "") -> None:
        if state != self._state:
            self._since = time.time()
        self._state, self._reason, self._detail = state, str(reason), detail


def _error(failure: SourceFailed) -> str:
    """What is wrong with a step that ends so; nothing, where a sender has left or did not come yet."""
    return "" if _is_awaited(failure) else str(failure.reason)


def _is_awaited(failure: SourceFailed) -> bool:
    """Whether a sender is expected to come, and not to be reconnected."""
    return failure.reason is Reason.WAITING_FOR_SENDER
