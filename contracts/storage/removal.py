"""What a video and a job leave outside of the tables, and how all of it is removed.

Whoever deletes does so in the tables first: what is left over by one who dies in between belongs to nothing then,
and is found by that.
"""

from collections.abc import Iterable

from contracts.results.port import ResultStore
from contracts.storage.port import Storage, index_key, plan_key, rendition_key, result_key, video_key
from contracts.wire.renditions import ANNOTATED, VIDEO_KINDS


def remove_video_data(storage: Storage, store: ResultStore | None, video_id: str, job_ids: Iterable[str]) -> None:
    """Remove what is kept of a video and its jobs. store: None where what it holds is left to fade."""
    for job_id in job_ids:
        remove_job_data(storage, store, video_id, job_id)
    for kind in VIDEO_KINDS:
        storage.delete(rendition_key(video_id, None, kind))
    storage.delete(index_key(video_id))
    storage.delete(video_key(video_id))


def remove_job_data(storage: Storage, store: ResultStore | None, video_id: str, job_id: str) -> None:
    """Remove what is kept of a job."""
    if store is not None:
        store.forget(job_id)
        store.request_cancel(job_id)  # its chunks that still wait in a queue find that nobody wants them
    storage.delete(plan_key(video_id, job_id))
    storage.delete(result_key(video_id, job_id))
    storage.delete(rendition_key(video_id, job_id, ANNOTATED))
