"""Publishes tasks to the broker; no other module of the api does."""

import logging
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

from celery import Celery
from kombu.exceptions import ChannelError, OperationalError

from contracts.database.tables import Rendition
from contracts.wire.renditions import render_queue
from contracts.wire.tasks import (
    MAKE_FRAMES,
    PROBE_VIDEO,
    PROCESS_VIDEO,
    QUEUE_PROBE,
    REMOVE_JOBS,
    RENDER,
    TRACK_JOB,
    task_id,
)

log = logging.getLogger(__name__)

# How long to wait for the broker in a request.
ANSWER_SECONDS = 2.0
_RETRY = {"max_retries": 1, "interval_start": 0.1, "interval_step": 0.2, "interval_max": 0.5}
# Requests of a process that may wait for the broker at once, of the ten that Flask answers; others wait a moment.
_AT_ONCE = 2
_MOMENT_SECONDS = 0.5
_AWAY_SECONDS = 10.0
_REMOVED_AT_ONCE = 500


class Dispatch:
    """Publishes tasks that carry ids only. While the broker is down, the processor's reaper sends them later.

    A broker that does not answer holds few requests, and is left alone for a while then."""

    def __init__(self, celery: Celery) -> None:
        self._celery = celery
        self._watch = celery.connection_for_write()
        self._sending = threading.BoundedSemaphore(_AT_ONCE)
        self._away_until = 0.0

    def probe_video(self, video_id: str) -> None:
        """Ask the processor to probe a stored video."""
        self._send(PROBE_VIDEO, video_id)

    def process_video(self, job_id: str) -> None:
        """Ask the processor to plan a job."""
        self._send(PROCESS_VIDEO, job_id)

    def track_job(self, job_id: str) -> None:
        """Ask the processor to make the tracks of a job."""
        self._send(TRACK_JOB, job_id)

    def render(self, rendition: Rendition) -> None:
        """Ask a renderer to make a rendition."""
        queue = render_queue(rendition.kind)
        self._send(RENDER, rendition.id, queue=queue, routing_key=queue)

    def make_frames(self, video_id: str) -> None:
        """Ask the processor for the pictures of frames that clients wait for."""
        self._send(MAKE_FRAMES, video_id)

    def remove_jobs(self, video_id: str, job_ids: Sequence[str]) -> None:
        """Ask the processor to remove the data of deleted jobs. What it does not get is removed as orphans later."""
        for start in range(0, len(job_ids), _REMOVED_AT_ONCE):
            self._send(REMOVE_JOBS, video_id, list(job_ids[start : start + _REMOVED_AT_ONCE]))

    def _send(self, name: str, reference: str, *more: object, **route: str) -> None:
        signature = self._celery.signature(name, args=(reference, *more), immutable=True, **route)
        if self._is_away() or not self._sending.acquire(timeout=_MOMENT_SECONDS):
            _leave(name, reference)
            return
        try:
            if self._is_away():  # found out by the request that this one waited for
                _leave(name, reference)
                return
            # Nobody reads a result, and to wait for one would subscribe to a channel of Redis that never ends.
            signature.apply_async(task_id=task_id(reference, name), ignore_result=True, retry=True, retry_policy=_RETRY)
        except (OperationalError, ConnectionError) as error:
            self._away_until = time.monotonic() + _AWAY_SECONDS
            log.error("could not send task %s(%s), the reaper will send it later: %s", name, reference, error)
        finally:
            self._sending.release()

    def _is_away(self) -> bool:
        return time.monotonic() < self._away_until

    def ping(self) -> None:
        """Ask the broker something, on a connection that is kept. For one caller at a time. Raises what the client
        library raises."""
        try:
            self._ask()
        except Exception:  # the connection may have been idle for so long that the broker closed it
            self._watch.close()
            self._ask()

    def _ask(self) -> None:
        self._watch.ensure_connection(max_retries=1, interval_start=0.1, timeout=2)
        channel = self._watch.default_channel
        if self._watch.transport.driver_type == "amqp":
            # There in any case. Questions about a queue that no worker has declared yet are errors in RabbitMQ's log.
            channel.exchange_declare("amq.direct", "direct", passive=True)
        else:
            with suppress(ChannelError):  # there is no such queue
                channel.queue_declare(QUEUE_PROBE, passive=True)


def _leave(name: str, reference: str) -> None:
    log.warning("the broker does not answer: %s(%s) is left to the reaper", name, reference)
