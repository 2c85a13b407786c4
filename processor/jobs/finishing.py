"""Ends jobs: checks the chunk results and writes the summary and the result file. Idempotent."""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec

from contracts.coordination import names
from contracts.database.tables import Job, utcnow
from contracts.errors import DeadlinePassed, StorageFull
from contracts.metrics.table import JOBS_ENDED
from contracts.results import chunk_codec, result_file
from contracts.results.codec import Block
from contracts.runtime.steps import step
from contracts.settings.table import Settings
from contracts.storage.port import result_key
from contracts.wire.job_states import JobState
from contracts.wire.messages import ChunkFailure, FrameRange, JobPlan, ResultHeader, to_json
from processor.context import Services
from processor.core.merging import Tally, bounded, check, join
from processor.jobs.job_step import record_job
from processor.jobs.sending import start_next
from processor.jobs.stored_plan import drop_plan, has_plan, layout_of, read_plan
from processor.tracking.waiting import first_state, send_tracking
from processor.user_share import Leases, leased

log = logging.getLogger(__name__)

# After its end, a job's chunks are of use to who reads it from them by now.
_KEPT_SECONDS = 900
_LOST = "the results of these frames were lost"
_CANCELLED = ChunkFailure("cancelled", "the job was cancelled")


class _HasEnded(Exception):
    """Another process has ended the job."""


def end_job(services: Services, job: Job, stop: ChunkFailure | None) -> bool:
    """Write the result of a job and end it, or leave it merging until the storage has room. Ends it only once.

    stop: why chunks that are not done are left out, None when all are done. Returns False for a job that has not been
    planned, or is still being planned. Does nothing while another process merges it. The plan is read last: that of a
    long video takes a GB of memory.
    """
    if not has_plan(services, job):
        return False
    if job.state != JobState.MERGING:
        if not services.repository.move(job.id, JobState.MERGING):
            return False
        start_next(services, job.user_id)
    with leased(services, names.merge_lease(job.id)) as held:
        if held is not None and (plan := read_plan(services, job)) is not None:
            _merge(services, job, plan, stop, held)
    return True


def record_end(services: Services, job: Job, end: JobState, **values: Any) -> bool:
    """Move a job to its last state; False when it has ended already, or was deleted."""
    if not services.repository.move(job.id, end, **values):
        return False
    services.counts.add(JOBS_ENDED, 1, end)
    log.info("job %s has ended: %s", job.id, end)
    record_job(job, end, values)
    return True


def _merge(services: Services, job: Job, plan: JobPlan, stop: ChunkFailure | None, held: Leases) -> None:
    try:
        with step("merge"):
            _finish(services, job, plan, stop, held)
    except StorageFull as error:  # the chunk results stay in the store: the reaper tries again
        log.warning("the result of job %s cannot be written for now: %s", job.id, error.detail)
        services.repository.note_error(job.id, {"code": error.code, "detail": error.detail})
    except _HasEnded:
        log.warning("job %s has ended while this process merged it: its result file stays", job.id)


def is_overdue(services: Services, job: Job) -> bool:
    """Whether a job is past its deadline."""
    hours = services.settings.job_deadline_hours
    return bool(hours) and utcnow() - job.created_at > timedelta(hours=hours)


def overdue(settings: Settings) -> str:
    """The error detail of an overdue job."""
    return f"the job had not ended {settings.job_deadline_hours} h after it was made (JOB_DEADLINE_HOURS)"


def stop_reason(services: Services, job: Job) -> ChunkFailure | None:
    """Why the job ends before all its chunks are done, None when it goes on."""
    if job.cancel_requested:
        return _CANCELLED
    if is_overdue(services, job):
        return ChunkFailure(DeadlinePassed.code, overdue(services.settings))
    return _CANCELLED if services.store.cancelled(job.id) else None


def _finish(services: Services, job: Job, plan: JobPlan, stop: ChunkFailure | None, held: Leases) -> None:
    """Write the result file and the job's end."""
    if stop is not None:
        _close(services, job, plan, stop)
    following = {one.numbers[-1]: other.numbers[0] for one, other in pairwise(plan.chunks)}
    missing = bounded(join(_missing(services, job, plan, held), following))
    runtime = services.store.runtime(job.id)
    header = msgspec.structs.replace(
        plan.header,
        plan=plan.header.plan.settled(runtime) if runtime else plan.header.plan,
        complete=not missing and plan.header.media.damage is None,
        missing=missing,
    )
    tally = Tally(header.labels, header.time_base)
    with services.storage.create(result_key(job.video_id, job.id)) as sink:
        result_file.write(sink, header, _counted(_blocks(services, job, plan, held), tally))
        _check_open(services, job)
    services.store.put_layout(job.id, layout_of(plan, header))
    services.store.touch(job.id)
    spent = services.store.progress(job.id)
    cpu_seconds = spent.cost.cpu_seconds or None  # detectors of an earlier release do not count it
    started = job.started_at or job.created_at
    values: dict[str, Any] = {
        "summary": tally.summary(
            seconds=_seconds_since(started), detector_seconds=spent.seconds, cpu_seconds=cpu_seconds
        ),
        "frames_done": tally.frames,
        "failed_ranges": [to_json(item) for item in missing],
        "error": _error(header, stop),
        "tracks": first_state(services, tally.frames),
    }
    if record_end(services, job, _end(tally.frames, header, stop), **values) and values["tracks"]:
        send_tracking(services, job.id)
    drop_plan(services, job)
    services.coordination.forget_repeats(job.id)
    if services.repository.job(job.id) is None:  # a second merge, later than the job's end and deletion
        services.storage.delete(result_key(job.video_id, job.id))
        services.store.forget(job.id)
    else:
        services.store.retire(job.id, _KEPT_SECONDS)


def _check_open(services: Services, job: Job) -> None:
    """Raises _HasEnded: this process was suspended, and what it has written lacks chunks that have gone since."""
    now = services.repository.job(job.id)
    if now is not None and now.state != JobState.MERGING:
        raise _HasEnded


def _seconds_since(started: datetime) -> float:
    """No time at all where the clock was set back since then."""
    return max(0.0, (utcnow() - started).total_seconds())


def _end(frames: int, header: ResultHeader, stop: ChunkFailure | None) -> JobState:
    if stop is _CANCELLED and header.missing:
        return JobState.CANCELLED
    if header.complete:
        return JobState.SUCCEEDED
    return JobState.PARTIAL if frames else JobState.FAILED


def _error(header: ResultHeader, stop: ChunkFailure | None) -> dict[str, str] | None:
    """Why the result is not whole. Damage of the file comes first: it mostly is what the rest comes from."""
    if stop is _CANCELLED:
        return None
    if stop is not None and any(stop.detail in item.reason for item in header.missing):
        return {"code": stop.code, "detail": stop.detail}
    if header.media.damage is not None:
        return {"code": "video_damaged", "detail": header.media.damage}
    if header.missing:
        return {"code": "frames_missing", "detail": header.missing[0].reason}
    return None


def _close(services: Services, job: Job, plan: JobPlan, stop: ChunkFailure) -> None:
    """Store a failure for each unfinished chunk of a stopped job, so that late detectors change nothing."""
    services.store.request_cancel(job.id)  # detectors stop their current chunks
    stored = services.store.chunk_indexes(job.id)
    closed = chunk_codec.encode_failure(stop)
    for chunk in plan.chunks:
        if chunk.index not in stored:
            services.store.put_chunk(job.id, chunk.index, closed)


def _results(
    services: Services, job: Job, plan: JobPlan, held: Leases
) -> Iterator[tuple[Block | None, list[FrameRange]]]:
    """Each chunk's frames and what is missing from them, read one at a time."""
    for chunk in plan.chunks:
        held.renew()
        data = services.store.get_chunk(job.id, chunk.index)
        yield check(chunk, chunk_codec.decode(data) if data is not None else None, _LOST)


def _missing(services: Services, job: Job, plan: JobPlan, held: Leases) -> Iterator[FrameRange]:
    for _, ranges in _results(services, job, plan, held):
        yield from ranges


def _blocks(services: Services, job: Job, plan: JobPlan, held: Leases) -> Iterator[Block]:
    for block, _ in _results(services, job, plan, held):
        if block is not None:
            yield block


def _counted(blocks: Iterator[Block], tally: Tally) -> Iterator[Block]:
    for block in blocks:
        tally.add(block)
        yield block
