"""A job as a whole, from its making to its end, as the step that all steps of its processing belong to."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from contracts.database.tables import Job, utcnow
from contracts.runtime.steps import Kind, Recorded, Step, record
from contracts.runtime.tracing import named, of_job
from contracts.wire.job_states import JobState


def record_job(job: Job, end: JobState, values: Mapping[str, Any]) -> None:
    """Record a job that has ended. job: as it was before. values: what is known of it since."""
    if (found := job_step(job, end, values, utcnow())) is not None:
        record(found)


def job_step(job: Job, end: JobState, values: Mapping[str, Any], now: datetime) -> Recorded | None:
    """The step that a job was; None for one without a trace."""
    above, span = named(job.traceparent), of_job(job.traceparent, job.id)
    if above is None or span is None:
        return None
    step = Step("job", Kind.INTERNAL)
    step.note(job=job.id, video=job.video_id, model=job.model, state=str(end))
    step.note(frames=values.get("frames_done", job.frames_done), chunks=job.chunks_total or 0)
    if job.started_at is not None:
        step.note(queued_s=max(0.0, (job.started_at - job.created_at).total_seconds()))
    if error := values.get("error"):
        step.error = str(error["code"])
    began, ended = _nanoseconds(job.created_at), _nanoseconds(now)
    return Recorded(span, above.id, began, max(began, ended), step)


def _nanoseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000) * 1000
