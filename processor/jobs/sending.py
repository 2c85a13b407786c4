"""Sends jobs and their chunks as their turns come. Can be repeated: the tables know what was sent."""

import logging

from celery import chord
from kombu.exceptions import OperationalError

from contracts.coordination import names
from contracts.database.tables import Job
from contracts.wire.messages import Chunk
from processor.context import Services
from processor.core.fair_share import to_send, window
from processor.jobs.stored_plan import read_chunks
from processor.task_signatures import chunk_signature, merge_signature, process_signature

log = logging.getLogger(__name__)

START_SECONDS = 60


def send_chunks(services: Services, job: Job) -> None:
    """Send as many chunks of a running job as there is room for; nothing when there is none, or when another
    has just done it.

    They are noted as sent before they are. What is lost between the two, the reaper finds.
    """
    settings, sent, total = services.settings, job.chunks_sent, job.chunks_total or 0
    if sent >= total:
        return
    jobs = services.repository.count_worked_on(job.user_id)
    room = window(settings.chunk_window, services.detectors(), jobs)
    batches = to_send(room, total, sent, services.store.chunk_indexes(job.id))
    if not batches:
        return
    chunks = read_chunks(services, job, range(sent, batches[-1].stop))
    if chunks is None or not services.repository.note_sent(job.id, sent, batches[-1].stop):
        return
    for batch in batches:
        header = [chunk_signature(services, chunks[index - sent]) for index in batch]
        chord(header, app=services.celery)(merge_signature(services, job.id))


def send_again(services: Services, chunks: list[Chunk]) -> None:
    """Send chunks that were lost, each by itself: the reaper looks after what follows them."""
    for chunk in chunks:
        chunk_signature(services, chunk).apply_async()


def start_next(services: Services, user_id: str) -> None:
    """Send those of a user's queued jobs whose turn has come. What cannot be sent, the reaper sends later."""
    try:
        for job in services.repository.next_jobs(user_id, services.settings.jobs_per_user):
            if services.coordination.debounce(names.send_job(job.id, job.state), START_SECONDS):
                process_signature(services, job.id).apply_async()
    except (OperationalError, ConnectionError) as error:
        log.warning("the next jobs of user %s cannot be sent for now: %s", user_id, error)
