"""One attempt at a chunk or a run of chunks, and its outcome: frames, a recorded failure, or a retry."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext

from billiard.exceptions import SoftTimeLimitExceeded

from contracts.errors import (
    CorruptData,
    DecodeFailed,
    InvalidInput,
    ModelBroken,
    NotFound,
    PrecisionUnavailable,
    StorageUnavailable,
    StoreUnavailable,
    UnknownModel,
    WebDetectorError,
)
from contracts.models.catalogue import Model
from contracts.results import chunk_codec
from contracts.results.port import MAX_ATTEMPTS, Sign
from contracts.runtime.steps import fail
from contracts.wire.messages import Chunk, ChunkFailure
from contracts.wire.runs import parts, without
from detector.adaptive.inference import AdaptiveInference, is_adaptive
from detector.context import Services
from detector.cost import AttemptCost
from detector.decode.asked_parent import DecoderBroke
from detector.engine import Engine
from detector.inference import Callbacks, Cancelled, Inference, Outcome
from detector.job_engine import engine_of, model_of
from detector.lease import Lease
from detector.metering import Stages
from detector.relay import Place

log = logging.getLogger(__name__)

AFTER_ERROR_SECONDS = 1
HAND_BACK_SECONDS = 5
# A run goes on with the detector that has its decoder; others pass it on.
PASS_ON_SECONDS = 1
# A run has had its time slice, or one of its chunks failed: it goes on at once, and its repeats are counted anew.
NEXT_SLICE_SECONDS = 0
# A run gives way to what else waits, and is acknowledged long before a broker's time limit.
SLICE_SECONDS = 30
MOST_SLICE_SECONDS = 300
_ASK_SECONDS = 2
# An hour. After that, no detector fits the job or the storage is gone for good, and the job has to end.
MAX_REPEATS = 720


class _Poison(WebDetectorError):
    """The process died in all earlier attempts at this chunk."""

    code = "poison"


_PERMANENT = (CorruptData, DecodeFailed, InvalidInput, ModelBroken, NotFound, UnknownModel, _Poison)


def perform(
    message: Chunk, services: Services, repeats: int, others_wait: Callable[[], bool] = lambda: True
) -> int | None:
    """Attempt a chunk, or go on with a run. Returns None when it is finished, else the seconds after which to retry it.

    repeats: how often this message was retried before. others_wait: whether messages wait for a detector. Raises
    StoreUnavailable only: without the result store nothing can be recorded, and starting over loses nothing.
    """
    begun = services.parking.take(message.job_id, message.index) or services.ahead.take(message)
    attempt = begun if isinstance(begun, _Attempt) else _Attempt(message, services)
    again: int | None = None
    try:
        again = attempt.make(repeats, others_wait)
    finally:
        services.ahead.over()
        if again is not None:
            services.meter.again()
        if again == NEXT_SLICE_SECONDS and attempt.has_decoder:
            services.parking.put(attempt)
        else:
            attempt.drop()
    return again


def open_ahead(message: Chunk, services: Services) -> None:
    """Start the decoder of a message that will come next. Raises what opening it raises."""

    def opened() -> _Attempt | None:
        attempt = _Attempt(message, services)
        return attempt if attempt.open() else None

    services.ahead.open(message, opened)


class _Attempt:
    """A message in progress; see detector.parking.Run and detector.ahead.Opened."""

    def __init__(self, message: Chunk, services: Services) -> None:
        self._message, self._services = message, services
        self._lease = Lease(services.store, message, services.worker, services.lease_seconds)
        self._chunk = message.index  # in progress
        self._attempts = 0  # at that one
        self._lead_in = 0  # frames that the decoder decodes before the first wanted one
        self._cost = AttemptCost(services.store, message.job_id, message.index)
        self._cancelled = False  # at the last sign of life
        self._inference: Inference | None = None
        self._infers_all = False  # since the video breaks the decoder: so what was decoded before is not lost
        self.job_id, self.index = message.job_id, message.index

    @property
    def has_decoder(self) -> bool:
        return self._inference is not None

    def keep(self) -> bool:
        return self._lease.take() and not self._services.store.cancelled(self.job_id)

    def has_paid_off(self) -> bool:
        return self._inference is not None and self._inference.frames >= self._lead_in

    def drop(self) -> None:
        inference, self._inference = self._inference, None
        try:
            if inference is not None:
                self._close(inference)
        finally:
            self._lease.release()

    def make(self, repeats: int, others_wait: Callable[[], bool]) -> int | None:
        """See perform."""
        done = _done(self._message, self._services)
        if done == len(parts(self._message)) or self._services.store.cancelled(self.job_id):
            return None
        if not self._lease.take():
            return PASS_ON_SECONDS if self._is_run else HAND_BACK_SECONDS
        left = without(self._message, done)
        if self._inference is not None and self._is_of_no_use(self._inference, left):
            self._close(self._inference)
            self._inference, self._attempts = None, 0
        if self._is_run and self._inference is None and not self._services.parking.admits(self.job_id):
            return HAND_BACK_SECONDS
        return self._try(left, repeats, _slice(others_wait) if self._is_run else lambda: False)

    def open(self) -> bool:
        """Start the decoder, before the message comes. Not that of a run, which may have to wait."""
        services, message = self._services, self._message
        if self._is_run or services.store.cancelled(self.job_id) or services.store.has_chunk(self.job_id, self.index):
            return False
        self._inference = self._opened(message, model_of(message, services))
        return True

    @property
    def inference(self) -> Inference | None:
        """What was opened and is not in use."""
        return self._inference

    @property
    def _is_run(self) -> bool:
        return bool(self._message.lengths)

    def _is_of_no_use(self, inference: Inference, left: Chunk) -> bool:
        """Whether the store has lost results since, or the engine has dropped images of it."""
        return inference.index != left.index or self._services.relay.has_lost(inference)

    def _following(self) -> Inference | None:
        """What was opened of the same job."""
        opened = self._services.ahead.peek()
        return opened.inference if isinstance(opened, _Attempt) and opened.job_id == self.job_id else None

    def _try(self, left: Chunk, repeats: int, should_pause: Callable[[], bool]) -> int | None:
        store = self._services.store
        if self._inference is None:  # else the engine may have begun with it
            self._services.cpu.take()  # spent between two chunks
        try:
            # Before the attempt is counted: a detector that does not fit must not use up the chunk's attempts.
            model, engine = engine_of(left, self._services)
            if not self._attempts:
                self._begin(left.index)
            try:
                return self._compute(left, model, engine, should_pause)
            except DecoderBroke as error:
                log.warning(
                    "chunk %d of job %s: %s; all its frames are inferred", self._chunk, self.job_id, error.detail
                )
                self._infers_all = True
                left = without(self._message, self._chunk - self._message.index)
                return self._compute(left, model, engine, should_pause)
        except Cancelled:
            return None if self._lease.held else HAND_BACK_SECONDS
        except PrecisionUnavailable as error:
            if repeats < MAX_REPEATS:
                return HAND_BACK_SECONDS
            failure = ChunkFailure(error.code, f"no detector fits this job: {error.detail}")
        except StorageUnavailable as error:
            if self._lease.held:  # otherwise another worker is counting by now
                store.withdraw_attempt(self.job_id, self._chunk)
            if repeats < MAX_REPEATS:
                log.warning("chunk %d of job %s is returned to the queue: %s", self._chunk, self.job_id, error.detail)
                return HAND_BACK_SECONDS
            failure = ChunkFailure(error.code, error.detail)
        except SoftTimeLimitExceeded:
            failure = ChunkFailure("timeout", "these frames exceeded the time limit of a task")
            return self._fail(failure, 1)
        except _Poison as error:
            return self._fail(ChunkFailure(error.code, error.detail), 1)
        except _PERMANENT as error:
            failure = ChunkFailure(error.code, error.detail)
        except StoreUnavailable:
            raise
        except Exception as error:
            log.exception("unexpected error in chunk %d of job %s", self._chunk, self.job_id)
            if not self._attempts:
                self._count(left.index)
            if self._attempts < MAX_ATTEMPTS:
                return AFTER_ERROR_SECONDS
            detail = f"the detector failed: {error!r}"
            return self._fail(ChunkFailure(getattr(error, "code", "internal"), detail), 1)
        return self._fail(failure, len(parts(self._message)))

    def _count(self, index: int) -> None:
        self._chunk = index
        self._attempts = self._services.store.begin_attempt(self.job_id, index)

    def _begin(self, index: int) -> None:
        """Count an attempt at a chunk. Raises _Poison."""
        self._count(index)
        if self._attempts > MAX_ATTEMPTS:
            raise _Poison("the detector process died in every attempt at these frames")

    def _compute(self, left: Chunk, model: Model, engine: Engine, should_pause: Callable[[], bool]) -> int | None:
        inference, self._inference = self._inference or self._opened(left, model), None
        last: Outcome | None = None
        services = self._services
        place = Place(services.relay, engine, inference, self._following)
        callbacks = Callbacks(self._on_progress, self._should_stop, should_pause, services.ahead.ask)
        with self._counting(inference), inference:
            for outcome in inference.outcomes(place, callbacks):
                self._note(inference, outcome)
                if inference.over:
                    last = outcome  # stored when it is known that no read has failed
                else:
                    self._store_frames(outcome)
                    self._begin(inference.index)
            if not inference.over:
                inference.keep()
                self._inference = inference
                return NEXT_SLICE_SECONDS
        if last is not None:
            self._store_frames(last)
        return None

    def _opened(self, left: Chunk, model: Model) -> Inference:
        services = self._services
        [start, *_] = left.stretches[0].seeks if left.stretches else (None,)
        self._lead_in = (left.packets or (0,))[0] - (start.packet if start else 0)
        decoders = closing(services.decoders.another()) if self._is_run else nullcontext(services.decoders)
        kind = AdaptiveInference if is_adaptive(left) and not self._infers_all else Inference
        return kind(left, model, services.storage, decoders)

    @contextmanager
    def _counting(self, inference: Inference) -> Iterator[None]:
        """Count what this process takes meanwhile, and the decoder if it has ended then."""
        try:
            yield
        finally:
            self._services.meter.decoded(inference.decoder_seconds)
            self._charge(self._services.cpu.take() + inference.decoder_seconds)

    def _close(self, inference: Inference) -> None:
        """End a decoder that was kept."""
        try:
            inference.close()
        finally:
            self._services.meter.decoded(inference.decoder_seconds)
            self._charge(inference.decoder_seconds)

    def _on_progress(self, index: int, frames: int, seconds: float) -> None:
        cpu_seconds = self._services.cpu.take()
        self._cost.grow(cpu_seconds)
        self._services.meter.charge(cpu_seconds)
        sign = Sign(index, frames, seconds, self._cost.name, self._cost.total)
        self._cancelled = self._lease.report(sign).cancelled

    def _should_stop(self) -> bool:
        """Asked right after progress was reported."""
        return not self._lease.held or self._cancelled

    def _store_frames(self, outcome: Outcome) -> None:
        job_id, index, store = self.job_id, outcome.index, self._services.store
        if outcome.missing:
            log.warning("%d frames of chunk %d of job %s could not be decoded", len(outcome.missing), index, job_id)
        data = chunk_codec.encode_frames(outcome.block)
        self._charge(self._services.cpu.take(), outcome.block.inferred)  # first: the last chunk's result ends the job
        began = time.perf_counter()
        if store.put_chunk(job_id, index, data):
            store.set_progress(job_id, index, len(outcome.block), outcome.seconds)
        self._services.meter.stored(time.perf_counter() - began)

    def _note(self, inference: Inference, outcome: Outcome) -> None:
        stages, inference.stages = inference.stages, Stages()
        model, block = self._message.plan.model, outcome.block
        self._services.meter.computed(model, len(block), block.inferred, outcome.seconds, stages)

    def _charge(self, cpu_seconds: float, inferred: int = 0) -> None:
        self._cost.add(cpu_seconds, inferred)
        self._services.meter.charge(cpu_seconds)

    def _fail(self, failure: ChunkFailure, most: int) -> int | None:
        """Record a failure for at most so many chunks, from the one in progress on."""
        stop = self.index + len(parts(self._message))
        after = min(self._chunk + most, stop)
        for index in range(self._chunk, after):
            store_failure(self._services, self.job_id, index, failure)
        return None if after == stop else NEXT_SLICE_SECONDS


def store_failure(services: Services, job_id: str, index: int, failure: ChunkFailure) -> None:
    """Record why a chunk has no result, unless it has one."""
    log.error("chunk %d of job %s failed: %s: %s", index, job_id, failure.code, failure.detail)
    fail(failure.code)
    if services.store.put_chunk(job_id, index, chunk_codec.encode_failure(failure)):
        services.store.set_progress(job_id, index, 0, 0.0)
        services.meter.failed(poison=failure.code == _Poison.code)


def _done(message: Chunk, services: Services) -> int:
    """How many of the message's chunks, from the first one on, have a result."""
    if not message.lengths:
        return int(services.store.has_chunk(message.job_id, message.index))
    stored = services.store.chunk_indexes(message.job_id)
    missing = (number for number in range(len(message.lengths)) if message.index + number not in stored)
    return next(missing, len(message.lengths))


def _slice(others_wait: Callable[[], bool]) -> Callable[[], bool]:
    """Whether a run that begins its time slice now has to pause."""
    began = time.monotonic()
    due = began + SLICE_SECONDS

    def is_over() -> bool:
        nonlocal due
        now = time.monotonic()
        if now < due:
            return False
        due = now + _ASK_SECONDS
        return now - began >= MOST_SLICE_SECONDS or others_wait()

    return is_over
