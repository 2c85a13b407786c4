"""Sends messages about recordings to the processor."""

from functools import cached_property
from typing import TYPE_CHECKING

from contracts.live.recordings import RecordingClosed, RecordingOpened
from contracts.settings.table import Settings
from contracts.wire.messages import to_json
from contracts.wire.tasks import CLOSE_RECORDING, OPEN_RECORDING

if TYPE_CHECKING:
    from celery import Celery

_ANSWER_SECONDS = 5.0
_RETRY = {"max_retries": 1, "interval_start": 0.1, "interval_step": 0.2, "interval_max": 0.5}


class Sender:
    """Of one process, for all its threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __call__(self, message: RecordingOpened | RecordingClosed) -> None:
        """Raises OperationalError, OSError when the broker does not answer."""
        task = OPEN_RECORDING if isinstance(message, RecordingOpened) else CLOSE_RECORDING
        signature = self._celery.signature(task, args=(to_json(message),), immutable=True)
        # Once more: the broker may have been restarted since the last message.
        signature.apply_async(ignore_result=True, retry=True, retry_policy=_RETRY)

    @cached_property
    def _celery(self) -> "Celery":
        from contracts.workers.celery_app import create_celery  # with the first recording: an idle ingest is small

        return create_celery(self._settings, answer_seconds=_ANSWER_SECONDS)
