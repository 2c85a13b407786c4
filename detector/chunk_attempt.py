"""One attempt at a chunk, and its outcome: frames, a recorded failure, or a retry."""

import logging
from dataclasses import dataclass

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
from contracts.results.port import MAX_ATTEMPTS
from contracts.storage.range_reader import watched
from contracts.wire.messages import Chunk, ChunkFailure, runtime
from detector.context import Services
from detector.engine import Engine
from detector.inference import Cancelled, Outcome, run

log = logging.getLogger(__name__)

AFTER_ERROR_SECONDS = 1
HAND_BACK_SECONDS = 5
# An hour. After that, no detector fits the job or the storage is gone for good, and the job has to end.
MAX_REPEATS = 720


class _Poison(WebDetectorError):
    """The process died in all earlier attempts at this chunk."""

    code = "poison"


_PERMANENT = (CorruptData, DecodeFailed, InvalidInput, ModelBroken, NotFound, UnknownModel, _Poison)


@dataclass(slots=True)
class _Lease:
    """This worker's lease on a chunk in progress."""

    services: Services
    chunk: Chunk
    held: bool = False

    def take(self) -> bool:
        services, chunk = self.services, self.chunk
        self.held = services.store.take_lease(chunk.job_id, chunk.index, services.worker, services.lease_seconds)
        return self.held

    def release(self) -> None:
        if self.held:
            self.services.store.release_lease(self.chunk.job_id, self.chunk.index, self.services.worker)


def perform(chunk: Chunk, services: Services, repeats: int) -> int | None:
    """Attempt a chunk. Returns None when it is finished, else the seconds after which to retry it.

    repeats: how often this message was retried before. Raises StoreUnavailable only: without the result store nothing
    can be recorded, and starting over loses nothing.
    """
    store = services.store
    if store.has_chunk(chunk.job_id, chunk.index) or store.cancelled(chunk.job_id):
        return None
    lease = _Lease(services, chunk)
    if not lease.take():
        return HAND_BACK_SECONDS
    try:
        return _try(chunk, services, lease, repeats)
    finally:
        lease.release()


def _try(chunk: Chunk, services: Services, lease: _Lease, repeats: int) -> int | None:
    attempts: int | None = None
    try:
        # Before the attempt is counted: a detector that does not fit must not use up the chunk's attempts.
        model, engine = _engine(chunk, services)
        attempts = services.store.begin_attempt(chunk.job_id, chunk.index)
        if attempts > MAX_ATTEMPTS:
            raise _Poison("the detector process died in every attempt at these frames")
        _store_frames(chunk, services, _detect(chunk, services, lease, model, engine))
        return None
    except Cancelled:
        return None if lease.held else HAND_BACK_SECONDS
    except PrecisionUnavailable as error:
        if repeats < MAX_REPEATS:
            return HAND_BACK_SECONDS
        failure = ChunkFailure(error.code, f"no detector fits this job: {error.detail}")
    except StorageUnavailable as error:
        if lease.held:  # otherwise another worker is counting by now
            services.store.withdraw_attempt(chunk.job_id, chunk.index)
        if repeats < MAX_REPEATS:
            log.warning("chunk %d of job %s is returned to the queue: %s", chunk.index, chunk.job_id, error.detail)
            return HAND_BACK_SECONDS
        failure = ChunkFailure(error.code, error.detail)
    except SoftTimeLimitExceeded:
        failure = ChunkFailure("timeout", "these frames exceeded the time limit of a task")
    except _PERMANENT as error:
        failure = ChunkFailure(error.code, error.detail)
    except StoreUnavailable:
        raise
    except Exception as error:
        log.exception("unexpected error in chunk %d of job %s", chunk.index, chunk.job_id)
        attempts = attempts or services.store.begin_attempt(chunk.job_id, chunk.index)
        if attempts < MAX_ATTEMPTS:
            return AFTER_ERROR_SECONDS
        failure = ChunkFailure(getattr(error, "code", "internal"), f"the detector failed: {error!r}")
    _store_failure(chunk, services, failure)
    return None


def _engine(chunk: Chunk, services: Services) -> tuple[Model, Engine]:
    """The model and engine with exactly the digest, precision and provider of the job.

    Raises UnknownModel, ModelBroken, PrecisionUnavailable, EngineUnavailable.
    """
    plan = chunk.plan
    model = services.catalogue.get(plan.model)
    if (model.digest(), model.engine) != (plan.model_digest, plan.engine):
        raise ModelBroken(
            f"model {model.id} differs from the one that the job was planned with: use the same models folder and the "
            "same version of the service on all hosts"
        )
    own = services.engines.get(model, plan.precision).describe()
    settled = services.store.fix_runtime(chunk.job_id, runtime(own.precision, own.provider))
    precision, _, provider = settled.partition(" ")
    if provider != own.provider:
        raise PrecisionUnavailable(f"the job runs on {provider}, and this detector has {own.provider}")
    return model, services.engines.get(model, precision)


def _detect(chunk: Chunk, services: Services, lease: _Lease, model: Model, engine: Engine) -> Outcome:
    store = services.store

    def on_progress(frames: int, seconds: float) -> None:
        lease.take()
        store.set_progress(chunk.job_id, chunk.index, frames, seconds)

    def should_stop() -> bool:
        return not lease.held or store.cancelled(chunk.job_id)

    with services.storage.open(chunk.video_key) as source, watched(source) as reader:
        return run(chunk, reader, services.decoders, engine, model, on_progress, should_stop)


def _store_frames(chunk: Chunk, services: Services, outcome: Outcome) -> None:
    if outcome.missing:
        log.warning(
            "%d of %d frames of chunk %d of job %s could not be decoded",
            len(outcome.missing),
            len(chunk.times),
            chunk.index,
            chunk.job_id,
        )
    if services.store.put_chunk(chunk.job_id, chunk.index, chunk_codec.encode_frames(outcome.block)):
        services.store.set_progress(chunk.job_id, chunk.index, len(outcome.block), outcome.seconds)


def _store_failure(chunk: Chunk, services: Services, failure: ChunkFailure) -> None:
    log.error("chunk %d of job %s failed: %s: %s", chunk.index, chunk.job_id, failure.code, failure.detail)
    if services.store.put_chunk(chunk.job_id, chunk.index, chunk_codec.encode_failure(failure)):
        services.store.set_progress(chunk.job_id, chunk.index, 0, 0.0)
