"""Stored videos. Uploading stands in api.uploads, the file itself in api.downloads."""

from flask import Response

from api import audit
from api.answers import Answer, answer, no_content
from api.context import Services, context
from api.shapes import video_shape
from contracts.renditions import ANNOTATED, VIDEO_KINDS
from contracts.storage import index_key, plan_key, rendition_key, result_key, video_key


def list_videos(user: str, limit: int = 50, cursor: str | None = None) -> Answer:
    """A page of the user's videos."""
    services = context.current()
    videos, next_cursor = services.repository.videos(user, limit, cursor)
    posters = services.renditions.ready_posters([video.id for video in videos])
    items = [video_shape(video, has_poster=video.id in posters) for video in videos]
    return answer({"items": items, "next_cursor": next_cursor})


def get_video(user: str, video_id: str) -> Answer:
    """One video."""
    services = context.current()
    video = services.repository.video(user, video_id)
    return answer(video_shape(video, has_poster=bool(services.renditions.ready_posters([video_id]))))


def delete_video(user: str, video_id: str) -> Response:
    """Delete a video with its jobs and results."""
    services = context.current()
    jobs = services.repository.delete_video(user, video_id)
    audit.note("video.deleted", user_id=user, subject=video_id)
    services.gone.note(user, jobs)
    for job_id in jobs:
        remove_job_data(services, video_id, job_id)
    for kind in VIDEO_KINDS:
        services.storage.delete(rendition_key(video_id, None, kind))
    services.storage.delete(index_key(video_id))
    services.storage.delete(video_key(video_id))
    return no_content()


def remove_job_data(services: Services, video_id: str, job_id: str) -> None:
    """Remove what a job left outside of the tables."""
    services.store.forget(job_id)
    services.store.request_cancel(job_id)  # its chunks that still wait in a queue find that nobody wants them
    services.storage.delete(plan_key(video_id, job_id))
    services.storage.delete(result_key(video_id, job_id))
    services.storage.delete(rendition_key(video_id, job_id, ANNOTATED))
