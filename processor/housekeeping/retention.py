"""Retention: removes old videos with their jobs and renditions, and old jobs."""

import logging
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice, takewhile

import msgspec

from contracts.database.tables import Job, Video, utcnow
from contracts.settings.table import Settings
from contracts.storage.port import reel_key
from contracts.storage.removal import remove_job_data, remove_video_data
from processor.housekeeping.inventory import DataStores

log = logging.getLogger(__name__)

_AT_ONCE = 100


class Expired(msgspec.Struct, frozen=True):
    """kind: video (with its jobs), job, reel or recording (with its video). since: the time of the upload, of the end
    of the job or recording, or when the reel was asked for."""

    kind: str
    id: str
    user_id: str
    since: datetime


def expired(stores: DataStores, settings: Settings) -> Iterator[Expired]:
    """The videos, jobs and reels that `expire` would remove now."""
    for video in _videos(stores, settings, None):
        yield Expired("video", video.id, video.user_id, video.created_at)
    for job in _jobs(stores, settings, None):
        if job.finished_at:
            yield Expired("job", job.id, job.user_id, job.finished_at)
    for reel in stores.inventory.expired_reels(utcnow(), None):
        yield Expired("reel", reel.id, reel.user_id, reel.created_at)


def expire(stores: DataStores, settings: Settings, most: int = _AT_ONCE, until: float = float("inf")) -> list[Expired]:
    """Remove the oldest expired videos, jobs and reels, at most `most` of each, and return them. until: when to begin
    no further one, on the monotonic clock.

    Raises StorageUnavailable, StoreUnavailable; the rows are deleted first, so that what is left is an orphan."""
    done = []
    for video in takewhile(lambda _: time.monotonic() < until, _videos(stores, settings, most)):
        deleted = stores.inventory.delete_video(video, _limit(settings.retention_video_days))
        if deleted is not None:
            done.append(Expired("video", video.id, video.user_id, video.created_at))
            _note_deleted(stores, video.user_id, deleted.jobs)
            remove_video_data(stores.storage, stores.store, video.id, deleted.jobs, deleted.clips, deleted.reels)
    for job in takewhile(lambda _: time.monotonic() < until, _jobs(stores, settings, most)):
        if job.finished_at and stores.inventory.delete_job(job):
            done.append(Expired("job", job.id, job.user_id, job.finished_at))
            _note_deleted(stores, job.user_id, [job.id])
            remove_job_data(stores.storage, stores.store, job.video_id, job.id)
    for reel in takewhile(lambda _: time.monotonic() < until, stores.inventory.expired_reels(utcnow(), most)):
        done.append(Expired("reel", reel.id, reel.user_id, reel.created_at))
        stores.inventory.delete_reel(reel.id)
        stores.storage.delete(reel_key(reel.id))
    for item in done:
        log.info("removed %s %s of %s: older than the retention setting", item.kind, item.id, item.since.isoformat())
    return done


def _videos(stores: DataStores, settings: Settings, most: int | None) -> Iterator[Video]:
    days = settings.retention_video_days
    return islice(stores.inventory.old_videos(_limit(days)) if days else (), most)


def _jobs(stores: DataStores, settings: Settings, most: int | None) -> list[Job]:
    days = settings.retention_result_days
    return stores.inventory.old_jobs(_limit(days), most) if days else []


def _limit(days: int) -> datetime:
    return utcnow() - timedelta(days=days)


def _note_deleted(stores: DataStores, user: str, job_ids: list[str]) -> None:
    if stores.deleted_jobs is not None:
        stores.deleted_jobs.add(user, job_ids)
