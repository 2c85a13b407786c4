"""Resends lost work. Every task is idempotent, so work that is only slow may be sent again too."""

import logging
from collections import Counter
from datetime import datetime, timedelta

from contracts.coordination import names
from contracts.database.tables import Job, utcnow
from contracts.metrics.table import REAPER_FINDS
from contracts.runtime.tracing import working_on
from contracts.wire.job_states import JobState
from contracts.wire.messages import ChunkFailure
from contracts.wire.renditions import RenditionState
from processor.context import Services
from processor.core.fair_share import is_due, next_jobs
from processor.jobs.advance import advance
from processor.jobs.finishing import is_overdue
from processor.jobs.sending import START_SECONDS, send_again
from processor.jobs.stored_plan import layout_of, read_chunks, read_plan, runs_of
from processor.task_signatures import merge_signature, probe_signature, process_signature, render_signature
from processor.user_share import share, unleased

log = logging.getLogger(__name__)

_PATIENCE = timedelta(seconds=10)
_RESEND_SECONDS = 60
_WAITING_SECONDS = 300
_STANDSTILL_SECONDS = 20
_LOOKED_AT = 10  # of what waits of a user
_PROBES_LOOKED_AT = 100
_NOT_BEGUN = (JobState.QUEUED, JobState.PLANNING)


def resend_probes(services: Services) -> None:
    """Send again the probes of videos that have none: of each user as many as may run."""
    places, sent = share(services), Counter[str]()
    waiting = services.repository.unprobed_videos(utcnow() - _PATIENCE, places + _PROBES_LOOKED_AT)
    users = {video_id: user_id for user_id, video_id in waiting}
    for video_id in unleased(services, list(users)):
        user_id = users[video_id]
        if sent[user_id] < places and services.coordination.debounce(names.resend_probe(video_id), _RESEND_SECONDS):
            probe_signature(services, video_id).apply_async()
            services.counts.add(REAPER_FINDS, 1, "probe")
            sent[user_id] += 1


def resend_renditions(services: Services) -> None:
    """Send again unfinished renditions that no renderer has leased."""
    for rendition in services.repository.unfinished_renditions(utcnow() - _PATIENCE, _LOOKED_AT):
        # A running one has lost its renderer; a queued one may just wait for others.
        seconds = _RESEND_SECONDS if rendition.state == RenditionState.RUNNING else _WAITING_SECONDS
        lost = not services.coordination.is_held(names.rendition_lease(rendition.id))
        if lost and services.coordination.debounce(names.resend_rendition(rendition.id), seconds):
            render_signature(services, rendition).apply_async(expires=seconds)
            services.counts.add(REAPER_FINDS, 1, "rendition")


def resend_jobs(services: Services) -> None:
    """Send again what jobs wait for: plans, chunks whose detector died, merges that never ran."""
    before = utcnow() - _PATIENCE
    most, hours = services.settings.jobs_per_user, services.settings.job_deadline_hours
    jobs = services.repository.jobs_to_advance(most, utcnow() - timedelta(hours=hours) if hours else None)
    turns = {job.id for job in next_jobs(jobs, most)}
    # In one round trip: what waits for a detector was sent a moment ago, all of it.
    steps = [names.send_job(job.id, job.state) for job in jobs if job.state in _NOT_BEGUN]
    unsent = frozenset(services.coordination.locks.free(steps))
    for job in jobs:
        with working_on(job.traceparent, job=job.id, video=job.video_id):
            _resend_job(services, job, before, unsent, has_turn=job.id in turns)


def _resend_job(services: Services, job: Job, before: datetime, unsent: frozenset[str], *, has_turn: bool) -> None:
    if job.state == JobState.RUNNING:
        advance(services, job, repair=_repair, end=_send_end)
    elif job.created_at >= before:
        return
    elif job.state == JobState.MERGING:
        advance(services, job, end=_send_end)
    elif job.state == JobState.QUEUED and not (has_turn or job.cancel_requested or is_overdue(services, job)):
        return  # the user has too many jobs in progress
    elif (step := names.send_job(job.id, job.state)) in unsent and services.coordination.debounce(step, START_SECONDS):
        process_signature(services, job.id).apply_async()
        services.counts.add(REAPER_FINDS, 1, "plan")


def _send_end(services: Services, job: Job, _: ChunkFailure | None) -> bool:
    """Send the task that ends a job: a merge may take long, and must not delay the reaper."""
    running = job.state == JobState.RUNNING
    name = names.resend_merge(job.id) if running else names.send_job(job.id, job.state)
    merging = services.coordination.is_held(names.merge_lease(job.id))
    if not merging and services.coordination.debounce(name, _RESEND_SECONDS):
        merge_signature(services, job.id).apply_async()
        services.counts.add(REAPER_FINDS, 1, "merge")
    return True


def _repair(services: Services, job: Job, stored: frozenset[int]) -> Job | None:
    """Resend the lost chunks of a running job. Returns the job as it is then, None when it no longer runs."""
    services.store.touch(job.id)
    if services.store.get_layout(job.id) is None:
        return _restart(services, job)
    if lost := _lost(services, job, stored):
        send_again(services, read_chunks(services, job, lost) or [])
        services.counts.add(REAPER_FINDS, len(lost), "chunk")
    return job


def _restart(services: Services, job: Job) -> Job | None:
    """Make a job ready to have all its chunks sent again, after the result store has lost it."""
    plan = read_plan(services, job)
    if plan is None:
        return None
    log.warning("the result store has lost job %s: sending all missing chunks again", job.id)
    services.counts.add(REAPER_FINDS, 1, "lost_results")
    services.repository.note_sent(job.id, job.chunks_sent, 0)
    # Last: a layout marks the job as known to the store.
    services.store.put_layout(job.id, layout_of(plan, plan.header))
    again = services.repository.job(job.id)
    return again if again is not None and again.state == JobState.RUNNING else None


def _lost(services: Services, job: Job, stored: frozenset[int]) -> list[int]:
    """Abandoned chunks, and chunks that were not started for so long that their messages may be lost; of whole runs."""
    begun = services.store.attempts(job.id)
    split = runs_of(services, job)
    waiting = dict.fromkeys(split.of(index) for index in range(job.chunks_sent) if index not in stored)
    # The lease of a run is that of its first chunk.
    idle = [run for run in waiting if not services.store.leased(job.id, split.first(run))]
    abandoned = [run for run in idle if any(index in begun and index not in stored for index in split.chunks(run))]
    lost = [run for run in abandoned if _is_due_again(services, job, split.first(run))]
    unseen = sorted(set(idle).difference(abandoned))
    # Counted and not timed: a pass after a pause, of ours or of the clock, is one pass.
    frames = services.store.progress(job.id).frames
    mark = f"{job.chunks_sent}:{len(stored)}:{sum(begun.values())}:{frames}"
    seconds = 3 * services.settings.reaper_seconds + _STANDSTILL_SECONDS
    if unseen and is_due(services.coordination.count_repeats(job.id, mark, seconds), _passes(services)):
        firsts = [split.first(run) for run in unseen]
        log.info("chunks %s of job %s were never started: sending them again", firsts, job.id)
        lost += unseen
    return [index for run in lost for index in split.chunks(run)]


def _is_due_again(services: Services, job: Job, index: int) -> bool:
    due = services.coordination.debounce(names.resend_chunk(job.id, index), _RESEND_SECONDS)
    if due:
        log.warning("chunk %d of job %s was abandoned: sending it again", index, job.id)
    return due


def _passes(services: Services) -> int:
    """Passes without progress after which a job's messages count as lost."""
    return max(2, -(-_STANDSTILL_SECONDS // services.settings.reaper_seconds))
