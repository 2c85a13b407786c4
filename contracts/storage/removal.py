"""Removal of a video's or job's data outside of the tables.

Delete the rows first. If the process dies afterwards, the remaining objects have no owner and the orphan sweep removes
them.
"""

from collections.abc import Iterable

from contracts.results.port import ResultStore
from contracts.storage.port import (
    Storage,
    clip_key,
    frames_key,
    index_key,
    plan_key,
    reel_key,
    rendition_key,
    result_key,
    tracking_key,
    tracks_key,
    video_key,
)
from contracts.wire.renditions import JOB_KINDS, VIDEO_KINDS


def remove_video_data(
    storage: Storage,
    store: ResultStore | None,
    video_id: str,
    job_ids: Iterable[str],
    clips: Iterable[str] = (),
    reels: Iterable[str] = (),
) -> None:
    """Remove the data of a video and its jobs. store: None where its data is left to expire. clips, reels: the ids of
    its clips, and of the reels that showed it."""
    for job_id in job_ids:
        remove_job_data(storage, store, video_id, job_id)
    for kind in VIDEO_KINDS:
        storage.delete(rendition_key(video_id, None, kind))
    storage.delete(frames_key(video_id))
    for clip in clips:
        storage.delete(clip_key(video_id, clip))
    for reel in reels:
        storage.delete(reel_key(reel))
    storage.delete(index_key(video_id))
    storage.delete(video_key(video_id))


def remove_job_data(storage: Storage, store: ResultStore | None, video_id: str, job_id: str) -> None:
    """Remove the data of a job."""
    if store is not None:
        store.forget(job_id)
        store.request_cancel(job_id)  # detectors drop its queued chunks
    storage.delete(plan_key(video_id, job_id))
    storage.delete(result_key(video_id, job_id))
    storage.delete(tracks_key(video_id, job_id))
    storage.delete(tracking_key(video_id, job_id))
    for kind in JOB_KINDS:
        storage.delete(rendition_key(video_id, job_id, kind))
