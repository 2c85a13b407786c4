"""Retention of each stream's recordings, by age and by bytes: the oldest go, with their videos and jobs."""

import logging
import time
from collections.abc import Iterator
from datetime import timedelta

from contracts.coordination.deleted_jobs import DeletedJobs
from contracts.database.tables import Stream, utcnow
from contracts.live.recordings import recording_key
from contracts.live.spec_of import recording_options_of
from contracts.storage.removal import remove_video_data
from processor.context import Services
from processor.housekeeping.inventory import DataStores, Inventory
from processor.housekeeping.retention import Expired
from processor.recordings.kept import Kept
from processor.recordings.rows import RecordingRows

log = logging.getLogger(__name__)

_SECONDS = 30  # a longer call would delay what waits for the same processor


def expire_recordings(services: Services) -> bool:
    """Remove what is beyond the retention of its stream; returns whether there is more to do."""
    engine = services.repository.engine
    stores = DataStores(Inventory(engine), services.storage, services.store, DeletedJobs(services.live))
    rows, until = RecordingRows(engine), time.monotonic() + _SECONDS
    rows.add_up()
    for stream, recording in _due(rows):
        if time.monotonic() > until:
            return True
        _remove(stores, rows, stream, recording)
    return False


def expired_recordings(stores: DataStores, rows: RecordingRows, *, remove: bool) -> Iterator[Expired]:
    """The recordings beyond the retention of their streams, each removed before it is given where that is wanted."""
    for stream, recording in _due(rows):
        if not remove or _remove(stores, rows, stream, recording):
            yield Expired("recording", recording.id, stream.user_id, recording.since)


def _due(rows: RecordingRows) -> Iterator[tuple[Stream, Kept]]:
    """The oldest of each stream first."""
    stored = rows.recorded_bytes()
    for stream, oldest in rows.recorded_streams():
        options = recording_options_of(stream)
        if options is None:
            continue
        most = options.keep_bytes
        if most is not None and stored.get(stream.id, 0) <= most:
            most = None
        before = None if options.keep_days is None else utcnow() - timedelta(days=options.keep_days)
        if before is not None and (oldest is None or oldest >= before):
            before = None
        if not (most is None and before is None):  # most of the time nothing is beyond
            yield from ((stream, one) for one in rows.beyond(stream.id, before, most))


def _remove(stores: DataStores, rows: RecordingRows, stream: Stream, recording: Kept) -> bool:
    """The row goes first, so that what is left of it is an orphan. False for a video on which a job runs: it stays for
    now."""
    video = stores.inventory.video(recording.video_id) if recording.video_id else None
    if video is None:
        rows.delete(recording.id)
    else:
        deleted = stores.inventory.delete_video(video, utcnow())
        if deleted is None:
            return False
        if stores.deleted_jobs is not None:
            stores.deleted_jobs.add(video.user_id, deleted.jobs)
        remove_video_data(stores.storage, stores.store, video.id, deleted.jobs, deleted.clips, deleted.reels)
    stores.storage.delete(recording_key(recording.source_id, recording.id))
    log.info("removed recording %s of stream %s: beyond its retention", recording.id, stream.id)
    return True
