"""Sends jobs and chunks under fair share. Idempotent: the database records what was sent."""

import logging

from celery import chord
from kombu.exceptions import OperationalError

from contracts.coordination import names
from contracts.database.tables import Job
from contracts.runtime.tracing import working_on
from contracts.wire.messages import Chunk
from contracts.wire.runs import runs
from processor.context import Services
from processor.core.fair_share import to_send, window
from processor.jobs.stored_plan import read_chunks, runs_of
from processor.task_signatures import chunk_signature, merge_signature, process_signature

log = logging.getLogger(__name__)

START_SECONDS = 60


def send_chunks(services: Services, job: Job) -> None:
    """Send as many chunks of a running job as its window has room for, unless another process has just done so.

    Chunks are recorded as sent first; the reaper resends them if this process dies before it sends them.
    """
    settings, sent, total = services.settings, job.chunks_sent, job.chunks_total or 0
    if sent >= total:
        return
    jobs = services.repository.count_worked_on(job.user_id)
    room = window(settings.chunk_window, services.detectors(), jobs)
    split = runs_of(services, job)
    begun = split.before(sent)
    batches = to_send(room, len(split), begun, split.done(services.store.chunk_indexes(job.id)))
    if not batches:
        return
    stop = split.first(batches[-1].stop)
    chunks = read_chunks(services, job, range(sent, stop))
    if chunks is None or not services.repository.note_sent(job.id, sent, stop):
        return
    messages = list(runs(chunks))
    for batch in batches:
        header = [chunk_signature(services, messages[number - begun]) for number in batch]
        chord(header, app=services.celery)(merge_signature(services, job.id))


def send_again(services: Services, chunks: list[Chunk]) -> None:
    """Send lost chunks, without a chord: the reaper advances the job afterwards."""
    for message in runs(chunks):
        chunk_signature(services, message).apply_async()


def start_next(services: Services, user_id: str) -> None:
    """Send the queued jobs of a user that may start. The reaper retries those that cannot be sent."""
    try:
        for job in services.repository.next_jobs(user_id, services.settings.jobs_per_user):
            if services.coordination.debounce(names.send_job(job.id, job.state), START_SECONDS):
                with working_on(job.traceparent, job=job.id):
                    process_signature(services, job.id).apply_async()
    except (OperationalError, ConnectionError) as error:
        log.warning("cannot send the next jobs of user %s for now: %s", user_id, error)
