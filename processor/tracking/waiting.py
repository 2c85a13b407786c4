"""Which jobs are to be tracked, and when they are sent."""

import logging
from typing import Any

from kombu.exceptions import OperationalError

from contracts.coordination import names
from contracts.database.tables import Job
from contracts.results.tracks import TracksState, TracksStep
from contracts.wire.messages import to_json
from processor.context import Services
from processor.task_signatures import track_signature
from processor.tracking.rows import TrackRows

log = logging.getLogger(__name__)

_RESEND_SECONDS = 60
# So many are looked at, and so many of before are queued at a time: they wait for nothing, and delay no newer ones.
_LOOKED_AT = 50
_OLDER_AT_ONCE = 20
# Shorter jobs are tracked at once at their end.
_LEAST_FRAMES = 1024


def first_state(services: Services, frames: int) -> dict[str, Any] | None:
    """The column `tracks` of a job that ends with so many frames."""
    wanted = services.settings.tracks == "on" and frames > 0
    return to_json(TracksState(TracksStep.QUEUED)) if wanted else None


def send_along(services: Services, job: Job) -> None:
    """Send the task that tracks a running job as far as it is finished. One that is lost follows with the next."""
    if services.settings.tracks == "on" and (job.frames_total or 0) >= _LEAST_FRAMES:
        send_tracking(services, job.id)


def send_tracking(services: Services, job_id: str) -> None:
    """Send the task that tracks a job. One that is lost is sent again."""
    try:
        track_signature(services, job_id).apply_async()
    except (OperationalError, ConnectionError) as error:
        log.warning("job %s cannot be sent to be tracked for now: %s", job_id, error)


def send_next(services: Services) -> None:
    """Send the job that ended last of those that wait."""
    for job_id in TrackRows(services.repository.engine).queued(_LOOKED_AT):
        if not services.coordination.is_held(names.tracking_lease(job_id)):
            send_tracking(services, job_id)
            return


def track_waiting(services: Services) -> None:
    """Send again the jobs whose tracks are lost, and a few that ended before jobs were tracked, newest first."""
    rows = TrackRows(services.repository.engine)
    if services.settings.tracks == "on" and (older := rows.queue_older(_OLDER_AT_ONCE)):
        log.info("tracking %d jobs that ended before", older)
    for job_id in rows.queued(_LOOKED_AT):
        lost = not services.coordination.is_held(names.tracking_lease(job_id))
        if lost and services.coordination.debounce(names.resend_tracking(job_id), _RESEND_SECONDS):
            send_tracking(services, job_id)
