"""Publishes tasks to the broker; no other module of the api does."""

import logging

from celery import Celery
from kombu.exceptions import OperationalError

from contracts.database.tables import Rendition
from contracts.wire.renditions import render_queue
from contracts.wire.tasks import PROBE_VIDEO, PROCESS_VIDEO, RENDER, task_id

log = logging.getLogger(__name__)

_RETRY = {"max_retries": 2, "interval_start": 0.1, "interval_step": 0.2, "interval_max": 0.5}


class Dispatch:
    """Publishes tasks that carry ids only. While the broker is down, the processor's reaper sends them later."""

    def __init__(self, celery: Celery) -> None:
        self._celery = celery

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
        """Check the connection to the broker. Raises what the client library raises."""
        with self._celery.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, interval_start=0.1, timeout=2)
