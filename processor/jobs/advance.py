"""The one place that decides how a planned job goes on: called after planning, after chunks, and by the reaper."""

from collections.abc import Callable

from contracts.database.tables import Job
from contracts.runtime.tracing import working_on
from contracts.wire.job_states import TERMINAL, JobState
from contracts.wire.messages import ChunkFailure
from processor.context import Services
from processor.core.next_step import Step, next_step
from processor.jobs.finishing import end_job, stop_reason
from processor.jobs.sending import send_chunks
from processor.tracking.waiting import send_along

End = Callable[[Services, Job, ChunkFailure | None], bool]
# Gets the stored chunks, and resends lost ones. Returns the job to send new chunks of, None for none.
Repair = Callable[[Services, Job, frozenset[int]], Job | None]


def advance(services: Services, job: Job, *, repair: Repair | None = None, end: End = end_job) -> bool:
    """End a job, send the chunks that there is room for, or do nothing. Idempotent.

    repair: called before new chunks are sent. end: ends the job, or sends the task that does.
    Returns whether the job has ended, or is being ended.
    """
    if job.state in TERMINAL:
        return True
    stop = stop_reason(services, job)
    stored = services.store.chunk_indexes(job.id) if job.state == JobState.RUNNING else frozenset[int]()
    step = next_step(job.state, stopped=stop is not None, total=job.chunks_total, stored=len(stored))
    if step is Step.END:
        return end(services, job, stop)
    if step is Step.SEND:
        current = repair(services, job, stored) if repair else job
        if current is not None:
            send_chunks(services, current)
    return False


def follow_up(services: Services, job_id: str) -> bool:
    """Advance a job some of whose chunks are done. Returns whether it has ended, was deleted, or is being ended."""
    job = services.repository.job(job_id)
    if job is None:
        return True
    with working_on(job.traceparent, job=job.id, video=job.video_id):
        ended = advance(services, job)
        if not ended:
            send_along(services, job)
        return ended
