"""The processor's tasks: decode, call, encode."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import shared_task
from celery.exceptions import Reject
from sqlalchemy.exc import SQLAlchemyError

from contracts.coordination import names
from contracts.database.outages import is_outage, took_too_long
from contracts.live.recordings import RecordingClosed, RecordingOpened
from contracts.runtime.tracing import about
from contracts.storage.removal import remove_job_data
from contracts.wire.messages import from_json
from contracts.wire.tasks import (
    CLOSE_RECORDING,
    FILE_RECORDING,
    HOUSEKEEP,
    MAKE_FRAMES,
    MERGE_CHUNKS,
    OPEN_RECORDING,
    PROBE_VIDEO,
    PROCESS_VIDEO,
    REAP,
    REMOVE_JOBS,
    RENDER,
    TRACK_JOB,
)
from processor import periodic
from processor.context import context
from processor.jobs import advance, planning, probing
from processor.recordings import filing, receiving
from processor.renditions import asked_frames, steps
from processor.tracking import tracking

# Between two tries, while the database is away.
_PAUSE_SECONDS = 2
# Of a message that the database does not end in time: hours, in which whatever holds a lock may end. Without the
# message, the recording would be lost.
_MOST_REPEATS = 1000
_REPEATS_SECONDS = 86_400


@contextmanager
def _requeued(message: str) -> Iterator[None]:
    """A message that nothing sends again goes back to its queue while the database is away, and many times where it
    takes too long: Celery would drop it. message: names it among all."""
    try:
        yield
    except SQLAlchemyError as error:
        if not is_outage(error) and not (took_too_long(error) and _may_repeat(message)):
            raise
        time.sleep(_PAUSE_SECONDS)
        raise Reject(error, requeue=True) from error


def _may_repeat(message: str) -> bool:
    return context.current().coordination.count(message, _REPEATS_SECONDS) <= _MOST_REPEATS


@shared_task(name=PROBE_VIDEO, ignore_result=True)  # type: ignore[untyped-decorator]
def probe_video(video_id: str) -> None:
    """Probe an uploaded video."""
    with about(video=video_id):
        probing.probe_video(context.current(), video_id)


@shared_task(name=PROCESS_VIDEO, ignore_result=True)  # type: ignore[untyped-decorator]
def process_video(job_id: str) -> None:
    """Plan a job and fan out its chunks."""
    planning.process_video(context.current(), job_id)


@shared_task(name=MERGE_CHUNKS, ignore_result=True)  # type: ignore[untyped-decorator]
def merge_chunks(job_id: str) -> None:
    """A batch of chunks is done: end the job if it was the last one, else send more."""
    advance.follow_up(context.current(), job_id)


@shared_task(name=TRACK_JOB, ignore_result=True)  # type: ignore[untyped-decorator]
def track_job(job_id: str) -> None:
    """Make the tracks of a job that has ended."""
    tracking.track_job(context.current(), job_id)


@shared_task(name=REMOVE_JOBS, ignore_result=True)  # type: ignore[untyped-decorator]
def remove_jobs(video_id: str, job_ids: list[str]) -> None:
    """Remove the data of deleted jobs."""
    services = context.current()
    for job_id in job_ids:
        with about(job=job_id, video=video_id):
            remove_job_data(services.storage, services.store, video_id, job_id)


@shared_task(name=OPEN_RECORDING, ignore_result=True)  # type: ignore[untyped-decorator]
def open_recording(message: dict[str, Any]) -> None:
    """An ingest has begun a recording; message: a RecordingOpened."""
    opened = from_json(message, RecordingOpened)
    with _requeued(names.recording_message(opened.id, "opened")):
        receiving.open_recording(context.current(), opened)


@shared_task(name=CLOSE_RECORDING, ignore_result=True)  # type: ignore[untyped-decorator]
def close_recording(message: dict[str, Any]) -> None:
    """An ingest has ended a recording; message: a RecordingClosed."""
    closed = from_json(message, RecordingClosed)
    with _requeued(names.recording_message(closed.id, "closed")):
        receiving.close_recording(context.current(), closed)


@shared_task(name=FILE_RECORDING, ignore_result=True)  # type: ignore[untyped-decorator]
def file_recording(recording_id: str) -> None:
    """Make a video with results of a closed recording."""
    filing.file_recording(context.current(), recording_id)


@shared_task(name=REAP, ignore_result=True)  # type: ignore[untyped-decorator]
def reap() -> None:
    """Send lost work again."""
    periodic.recover(context.current())


@shared_task(name=HOUSEKEEP, ignore_result=True)  # type: ignore[untyped-decorator]
def housekeep() -> None:
    """Run the clean-up jobs that are due."""
    periodic.clean_up(context.current())


@shared_task(name=MAKE_FRAMES, ignore_result=True)  # type: ignore[untyped-decorator]
def make_frames(video_id: str) -> None:
    """Make the pictures of frames that clients wait for."""
    with about(video=video_id):
        asked_frames.make_frames(context.current(), video_id)


# Acknowledged at the start, since a copy may exceed the acknowledgement timeout of any broker; the reaper resends it.
@shared_task(name=RENDER, ignore_result=True, acks_late=False)  # type: ignore[untyped-decorator]
def render(rendition_id: str) -> None:
    """Make a rendition."""
    steps.render(context.current(), rendition_id)
