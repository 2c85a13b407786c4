"""Publishes tasks to the broker; no other module of the api does."""

import logging
from contextlib import suppress

from celery import Celery
from kombu.exceptions import ChannelError, OperationalError

from contracts.database.tables import Rendition
from contracts.wire.renditions import render_queue
from contracts.wire.tasks import PROBE_VIDEO, PROCESS_VIDEO, QUEUE_PROBE, RENDER, task_id

log = logging.getLogger(__name__)

_RETRY = {"max_retries": 2, "interval_start": 0.1, "interval_step": 0.2, "interval_max": 0.5}


class Dispatch:
    """Publishes tasks that carry ids only. While the broker is down, the processor's reaper sends them later."""

    def __init__(self, celery: Celery) -> None:
        self._celery = celery
        self._watch = celery.connection_for_write()

    def probe_video(self, video_id: str) -> None:
        """Ask the processor to probe a stored video."""
        self._send(PROBE_VIDEO, video_id)

    def process_video(self, job_id: str) -> None:
        """Ask the processor to plan a job."""
        self._send(PROCESS_VIDEO, job_id)

    def render(self, rendition: Rendition) -> None:
        """Ask a renderer to make a rendition."""
        queue = render_queue(rendition.kind)
        self._send(RENDER, rendition.id, queue=queue, routing_key=queue)

    def _send(self, name: str, reference: str, **route: str) -> None:
        signature = self._celery.signature(name, args=(reference,), immutable=True, **route)
        try:
            signature.apply_async(task_id=task_id(reference, name), retry=True, retry_policy=_RETRY)
        except (OperationalError, ConnectionError) as error:
            log.error("could not send task %s(%s), the reaper will send it later: %s", name, reference, error)

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
        with suppress(ChannelError):  # it answers that there is no such queue yet
            self._watch.default_channel.queue_declare(QUEUE_PROBE, passive=True)
