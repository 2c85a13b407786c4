"""The frames that a user's jobs may look at in a day."""

from contracts.coordination.quotas import frames_key, next_day, quotas_of
from contracts.database.tables import Job, utcnow
from contracts.errors import FramesUsedUp
from contracts.wire.tasks import task_id
from processor.context import Services


def spend(services: Services, job: Job, frames: int) -> None:
    """Count the frames of a job that is being planned, once however often that is. Raises FramesUsedUp."""
    most = quotas_of(services.settings, services.repository.quotas(job.user_id)).frames_per_day
    now = utcnow()
    seconds = int((next_day(now) - now).total_seconds())
    spent = services.coordination.reserve(
        frames_key(job.user_id, now), task_id(job.id, "frames"), frames, most, seconds
    )
    if spent is not None:
        raise FramesUsedUp(
            f"the job would look at {frames} frames, and your other jobs have taken {spent} of your {most} "
            "for a day: look at fewer of them (every_n, sample_fps, start_ms, end_ms), or go on tomorrow (UTC)",
            seconds,
        )
