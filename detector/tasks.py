"""The detector's task: decode, call, encode."""

import logging
import time
from typing import Any

import msgspec
from celery import Task, shared_task
from celery.exceptions import Reject
from kombu.exceptions import ChannelError

from contracts.errors import StoreUnavailable, UnsupportedSchema
from contracts.runtime import tracing
from contracts.runtime.steps import step
from contracts.wire.messages import Chunk, ChunkFailure
from contracts.wire.runs import from_message, parts
from contracts.wire.tasks import DETECT_CHUNK, detector_queue
from detector.chunk_attempt import NEXT_SLICE_SECONDS, perform, store_failure
from detector.context import context

log = logging.getLogger(__name__)

_PAUSE_SECONDS = 2
# A message of a later release is handed back after 2, 4, 8... and at most so many seconds, for an hour in all.
_MOST_BACK_OFF_SECONDS = 60
_MOST_HAND_BACKS = 64


class _Address(msgspec.Struct):
    """What messages of all releases have."""

    job_id: str
    index: int
    lengths: tuple[int, ...] = (1,)
    pool: str = ""


# max_retries: attempts are counted in the result store, across all messages and detectors.
@shared_task(name=DETECT_CHUNK, bind=True, max_retries=None)  # type: ignore[untyped-decorator]
def detect_chunk(self: Task, message: Any) -> dict[str, int]:
    """Detect objects in a chunk or a run. Both success and failure are recorded in the result store."""
    try:
        return {"index": _detect(self, message)}
    except StoreUnavailable as error:
        # An error of the task would end the whole job; the message goes back to its queue instead.
        time.sleep(_PAUSE_SECONDS)
        raise Reject(error, requeue=True) from error


def _detect(task: Task, message: Any) -> int:
    try:
        chunk = from_message(message)
    except UnsupportedSchema as error:
        return _hand_back(task, msgspec.convert(message, _Address), error)
    with tracing.working_on(tracing.traceparent(), job=chunk.job_id, chunk=chunk.index):
        return _attempt(task, chunk)


def _attempt(task: Task, chunk: Chunk) -> int:
    queue, repeats = detector_queue(chunk.pool), task.request.retries or 0
    began = time.monotonic()
    with step("chunk", chunks=len(parts(chunk)), repeats=repeats) as attempt:
        again = perform(chunk, context.current(), repeats, lambda: _others_wait(task, queue))
        if again is not None:
            attempt.note(again_s=again)
    if again is not None:
        _repeat(task, queue, again, 0 if again == NEXT_SLICE_SECONDS else repeats + 1)
    log.info("chunk %d of job %s took %.1f s", chunk.index, chunk.job_id, time.monotonic() - began)
    return chunk.index


def _hand_back(task: Task, address: _Address, error: UnsupportedSchema) -> int:
    """Leave a message of a later release to a detector that can read it."""
    repeats = task.request.retries or 0
    if repeats < _MOST_HAND_BACKS:
        log.warning("chunk %d of job %s is handed back: %s", address.index, address.job_id, error.detail)
        seconds = min(_PAUSE_SECONDS * 2 ** min(repeats, 10), _MOST_BACK_OFF_SECONDS)
        _repeat(task, detector_queue(address.pool), seconds, repeats + 1)
    failure = ChunkFailure(error.code, f"no detector can read this chunk: {error.detail}")
    for number in range(len(address.lengths)):
        store_failure(context.current(), address.job_id, address.index + number, failure)
    return address.index


def _others_wait(task: Task, queue: str) -> bool:
    """Whether messages wait in a queue. Where the broker does not tell, none does: the run goes on for a while."""
    try:
        with task.app.pool.acquire(block=True) as connection:
            return bool(connection.default_channel.queue_declare(queue, passive=True).message_count)
    except ChannelError:  # Redis has no empty queues
        return False
    except Exception as error:  # of whichever library the broker is reached by
        log.warning("cannot see whether messages wait in %s: %r", queue, error)
        return False


def _repeat(task: Task, queue: str, seconds: int, repeats: int) -> None:
    """Retry the task in the same queue, as the given repeat."""
    task.request.retries = repeats - 1  # Celery adds one
    try:
        task.retry(countdown=seconds, queue=queue)
    except Reject as error:  # it could not be sent; Celery would drop this message too
        raise Reject(error.reason, requeue=True) from error
