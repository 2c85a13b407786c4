"""The detector's task: decode, call, encode."""

import logging
import time
from typing import Any

from celery import Task, shared_task
from celery.exceptions import Reject

from contracts.errors import StoreUnavailable, UnsupportedSchema
from contracts.wire.messages import Chunk, from_json
from contracts.wire.tasks import DETECT_CHUNK, detector_queue
from detector.chunk_attempt import perform
from detector.context import context

log = logging.getLogger(__name__)

_PAUSE_SECONDS = 2


# max_retries: attempts are counted in the result store, across all messages and detectors.
@shared_task(name=DETECT_CHUNK, bind=True, max_retries=None)  # type: ignore[untyped-decorator]
def detect_chunk(self: Task, message: Any) -> dict[str, int]:
    """Detect objects in a chunk. Both success and failure are recorded in the result store."""
    chunk = _read(message)
    try:
        again = perform(chunk, context.current(), self.request.retries or 0)
    except StoreUnavailable as error:
        # An error of the task would end the whole job; the message goes back to its queue instead.
        time.sleep(_PAUSE_SECONDS)
        raise Reject(error, requeue=True) from error
    if again is not None:
        _repeat(self, chunk, again)
    return {"index": chunk.index}


def _read(message: Any) -> Chunk:
    """Decode the message. One of a later release goes back to its queue, for a detector that can read it."""
    try:
        return from_json(message, Chunk)
    except UnsupportedSchema as error:
        log.warning("a chunk is handed back: %s", error.detail)
        time.sleep(_PAUSE_SECONDS)
        raise Reject(error, requeue=True) from error


def _repeat(task: Task, chunk: Chunk, seconds: int) -> None:
    """Retry the task in the same queue."""
    try:
        task.retry(countdown=seconds, queue=detector_queue(chunk.pool))
    except Reject as error:  # it could not be sent; Celery would drop this message too
        raise Reject(error.reason, requeue=True) from error
