"""Makes the tracks of a job that has ended, of its result file and what was tracked while it ran. Idempotent: the file
is written before the state.

A long job is tracked in slices of time, so that merges of others need not wait: what is done is stored, and the message
goes to the end of the queue.
"""

import logging
import os
import time
from typing import BinaryIO

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from analytics.tracking.tracker import NAME, VERSION, Tracker
from contracts.coordination import names
from contracts.database.tables import Job
from contracts.errors import CorruptData, NotFound, StorageFull, StoreUnavailable, Unavailable
from contracts.results import tracks_file
from contracts.results.codec import compress, decompress
from contracts.results.result_file import ResultFile
from contracts.results.tracks import TrackerParameters, TracksState, TracksStep, settled
from contracts.results.tracks_file import TracksHeader, encode_numbers
from contracts.runtime.steps import fail, step
from contracts.runtime.tracing import working_on
from contracts.storage.digest import sha256_of
from contracts.storage.port import result_key, tracking_key, tracks_key
from contracts.wire.job_states import JobState
from contracts.wire.messages import SCHEMA, decode, encode
from processor.alerts.recorded import alert_of_job
from processor.context import Services
from processor.renditions.picture_rows import renew_pictures, send_pictures
from processor.search.index import index_tracks
from processor.tracking.along import Prefix, prefix, times_us, track_along
from processor.tracking.rows import TrackRows, queued_state
from processor.tracking.waiting import send_next, send_tracking
from processor.tries import TRIES_SECONDS, note_error
from processor.user_share import Leases, leased, share

log = logging.getLogger(__name__)

MOST_TRIES = 3
SLICE_SECONDS = 30.0
_UNDER_WAY = (JobState.RUNNING, JobState.MERGING)


class _Progress(msgspec.Struct):
    """An interrupted tracking. blocks: numbers of the detections of each block that is done. of: see `_name`; empty in
    what an earlier release stored."""

    header: TracksHeader
    tracker: bytes
    blocks: list[bytes]
    of: tuple[int, bytes] = (0, b"")


class _NotIndexed(Exception):
    """The tracks cannot be searched, since another process indexes those of the same job."""


def track_job(services: Services, job_id: str) -> None:
    """Make the tracks of a job that wants some, unless another process does, or half of all processes make tracks. Of a
    job that runs, those of what is finished.

    What cannot be done for now is left to the reaper; what fails for good, or again and again, is recorded."""
    with leased(services, names.tracking_lease(job_id)) as held:
        job = services.repository.job(job_id) if held is not None else None
        if held is None or job is None:
            return
        with working_on(job.traceparent, job=job.id, video=job.video_id):
            found = _in_its_state(services, job, held)
    if found is None:
        return
    if found is True or (found is False and job.state in _UNDER_WAY and _has_ended(services, job)):
        send_tracking(services, job_id)
    elif found is not False:
        send_next(services)


def _in_its_state(services: Services, job: Job, held: Leases) -> TracksState | bool | None:
    """None where there is nothing to do now."""
    if job.state in _UNDER_WAY:
        with step("track"):
            return track_along(services, job, held)
    if (state := queued_state(job)) is not None and _has_place(services, held):
        with step("track"):
            return _under_lease(services, job, state, held)
    return None


def _has_place(services: Services, held: Leases) -> bool:
    return any(held.take(names.tracking_place(place)) for place in range(share(services)))


def _has_ended(services: Services, job: Job) -> bool:
    """Whether a job that was tracked along has ended meanwhile: the task that was sent then has found it leased."""
    now = services.repository.job(job.id)
    return now is not None and queued_state(now) is not None


def _under_lease(services: Services, job: Job, state: TracksState, held: Leases) -> TracksState | bool:
    """As `_track`, with the state recorded. False also where it is left for now."""
    found: TracksState | bool
    tries = names.tracking_attempts(job.id)
    tried = services.coordination.count(tries, TRIES_SECONDS)
    try:
        if tried > MOST_TRIES:
            detail = f"they could not be made in {MOST_TRIES} tries: the log of the processor says more"
            raise CorruptData(detail)
        found = _track(services, job, state.parameters, held)
    except (StorageFull, Unavailable) as error:
        log.warning("job %s cannot be tracked for now: %s", job.id, error.detail)
        found = False
    except (NotFound, CorruptData) as error:
        log.warning("job %s cannot be tracked: %s", job.id, error.detail)
        fail(error.code)
        # Tracks of before, made with other parameters, are still there.
        failed = {"code": error.code, "detail": error.detail}
        found = msgspec.structs.replace(state, state=TracksStep.FAILED, error=failed)
        services.storage.delete(tracking_key(job.video_id, job.id))
    except _NotIndexed:
        log.warning("the tracks of job %s are indexed by another process: they are made again", job.id)
        return False  # a try, so that there is an end of it
    except SQLAlchemyError as error:
        note_error(services, error, tries, names.tracking_lease(job.id), tried, MOST_TRIES)
        raise
    services.coordination.reset_count(tries)
    if isinstance(found, bool):
        return found
    if TrackRows(services.repository.engine).settle(job.id, job.tracks or {}, found):
        send_pictures(services, job)
        _drop_notes(services, job)
        return found
    if services.repository.job(job.id) is None:  # deleted meanwhile
        services.storage.delete(tracks_key(job.video_id, job.id))
        return False
    return True  # other parameters are wanted by now


def _drop_notes(services: Services, job: Job) -> None:
    """Remove what was tracked along with the job, which is of no more use."""
    try:
        services.store.drop_notes(job.id)
    except StoreUnavailable as error:
        log.warning("what was tracked along with job %s is left to expire: %s", job.id, error.detail)


def _track(services: Services, job: Job, parameters: TrackerParameters, held: Leases) -> TracksState | bool:
    """The state of the tracks when they are stored and searchable, True when there is more to do, False when another
    process has taken over. Raises NotFound, CorruptData, StorageFull, StorageUnavailable, _NotIndexed."""
    key, part = result_key(job.video_id, job.id), tracking_key(job.video_id, job.id)
    with services.storage.open(key) as source:
        result = ResultFile(source)
        options = settled(parameters, result.header.plan.options.min_score)
        of, done = _name(source, result), _read(services, part)
        digest = done.header.result if done and done.of == of else sha256_of(services.storage, key, held.renew)[0]
        header = TracksHeader(SCHEMA, NAME, VERSION, options, digest)
        done = done if done and done.header == header else None
        until = time.monotonic() + SLICE_SECONDS  # after the digest, which of a large file takes as long as a slice
        tolerance = result.header.media.height  # 1 % of the height, in 1/100 px
        if done is not None:
            begun = Prefix(Tracker.from_state(done.tracker), done.blocks)
        else:
            begun = prefix(services.store, job.id, result, options) or Prefix(Tracker(options, tolerance), [])
        tracker, blocks = begun.tracker, begun.blocks
        for position in range(len(blocks), len(result.starts)):
            if not held.renew():
                return False
            block = result.block(position, masks=False)
            numbers = tracker.advance(block, times_us(block.time, result.header.time_base))
            blocks.append(encode_numbers(numbers))
            if time.monotonic() > until and position + 1 < len(result.starts):
                with services.storage.create(part) as sink:
                    sink.write(compress(encode(_Progress(header, tracker.state(), blocks, of))))
                if services.repository.job(job.id) is None:
                    services.storage.delete(part)
                return True
    finished = tracker.finish()
    renew_pictures(services, job, len(finished.tracks))
    with services.storage.create(tracks_key(job.video_id, job.id)) as sink:
        tracks_file.write(sink, header, blocks, finished.numbers, finished.tracks)
    if not index_tracks(services, job, finished.tracks) and services.repository.job(job.id) is not None:
        raise _NotIndexed
    alert_of_job(services, job, finished.tracks)
    services.storage.delete(part)  # last: a slice that is done again would reset the count of tries
    count = len(finished.tracks)
    return TracksState(TracksStep.READY, parameters, tracker=f"{NAME} {VERSION}", tracks=count)


def _name(source: BinaryIO, result: ResultFile) -> tuple[int, bytes]:
    """Size and header of a result file: as long as they are the same, so is its digest."""
    return source.seek(0, os.SEEK_END), encode(result.header)


def _read(services: Services, key: str) -> _Progress | None:
    """What was stored of an interrupted tracking, None for nothing."""
    try:
        with services.storage.open(key) as source:
            return decode(decompress(source.read()), _Progress)
    except (NotFound, CorruptData, msgspec.DecodeError):
        return None
