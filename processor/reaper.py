"""Finds work that was lost, and sends it again. Repeats are harmless, so it need not be sure."""

import logging
from datetime import timedelta

from contracts.errors import StorageUnavailable
from contracts.renditions import RenditionState
from contracts.states import JobState
from contracts.tables import Job, utcnow
from processor.context import Services
from processor.dispatch import chunk_signature, merge_signature, probe_signature, process_signature, render_signature
from processor.expiry import expire_events, expire_uploads
from processor.jobplan import layout_of, read_plan
from processor.renditions import lease_of

log = logging.getLogger(__name__)

_PATIENCE = timedelta(seconds=10)
_CLAIM_SECONDS = 60
_WAITING_SECONDS = 300
_SWEEP_SECONDS = 3600
_SWEEP_STORE_SECONDS = 60


def _sweep(services: Services) -> None:
    """Remove, now and then, what uploads that were killed left behind, and results whose time is over."""
    if services.signals.claim("sweep", _SWEEP_SECONDS):
        _sweep_storage(services)
    if services.signals.claim("sweep-store", _SWEEP_STORE_SECONDS):
        services.store.sweep()
    if services.signals.claim("sweep-uploads", services.settings.reaper_seconds):
        expire_uploads(services)
    if services.signals.claim("sweep-audit", _SWEEP_SECONDS):
        expire_events(services)


def _sweep_storage(services: Services) -> None:
    try:
        if count := services.storage.sweep(_SWEEP_SECONDS):
            log.warning("%d unfinished files of writers that died were removed", count)
    except StorageUnavailable as error:  # not every object store lets us look
        log.warning("unfinished files cannot be looked for: %s", error.detail)


def reap(services: Services) -> None:
    """Send again: chunks whose detector died, merges that never ran, plans, probes and
    renditions that got lost."""
    _sweep(services)
    before = utcnow() - _PATIENCE
    for job in services.repository.active_jobs():
        if job.state == JobState.RUNNING:
            _reap_running(services, job)
        elif job.created_at < before and services.signals.claim(f"{job.id}:{job.state}", _CLAIM_SECONDS):
            # A merge may take longer than our patience: that one repeat is dropped by its end.
            if job.state == JobState.MERGING:
                merge_signature(services, job.id).apply_async()
            else:
                process_signature(services, job.id).apply_async()
    for video_id in services.repository.unprobed_videos(before):
        if services.signals.claim(f"{video_id}:probe", _CLAIM_SECONDS):
            probe_signature(services, video_id).apply_async()
    for rendition in services.repository.unfinished_renditions(before):
        # One that was begun has lost its renderer; one that waits may just have to wait for others.
        seconds = _CLAIM_SECONDS if rendition.state == RenditionState.RUNNING else _WAITING_SECONDS
        lost = not services.signals.claimed(lease_of(rendition))
        if lost and services.signals.claim(f"{rendition.id}:render", seconds):
            render_signature(services, rendition).apply_async(expires=seconds)


def _reap_running(services: Services, job: Job) -> None:
    store = services.store
    stored = store.chunk_indexes(job.id)
    if len(stored) == job.chunks_total or store.cancelled(job.id):
        if services.signals.claim(f"{job.id}:merge", _CLAIM_SECONDS):
            merge_signature(services, job.id).apply_async()
        return
    was_emptied = store.get_layout(job.id) is None
    begun = range(job.chunks_total or 0) if was_emptied else store.attempts(job.id)
    lost = [index for index in begun if index not in stored and not store.leased(job.id, index)]
    plan = read_plan(services, job) if lost else None
    store.touch(job.id)
    if plan is None:
        return
    if was_emptied:
        log.warning("the result store has lost job %s: all that is missing is sent again", job.id)
        store.put_layout(job.id, layout_of(plan, plan.header))
    for index in lost:
        if services.signals.claim(f"{job.id}:chunk:{index}", _CLAIM_SECONDS):
            log.warning("chunk %d of job %s was begun and left: sending it again", index, job.id)
            chunk_signature(services, plan.chunks[index]).apply_async()
