"""Stored videos. See api.routes.uploads for uploading, api.routes.downloads for the files."""

import logging

from flask import Response
from redis.exceptions import RedisError

from api.context import Services, context
from api.routes import audit
from api.web.answers import Answer, answer, no_content
from api.web.representations import video_representation
from contracts.coordination.frame_requests import answer_deleted
from contracts.coordination.leases import Coordination
from contracts.storage.removal import remove_video_data

log = logging.getLogger(__name__)

_AT_ONCE = 20


def list_videos(user: str, limit: int = 50, cursor: str | None = None, without_job: bool = False) -> Answer:
    """A page of the user's videos."""
    services = context.current()
    videos, next_cursor = services.videos.page(user, limit, cursor, without_job=without_job)
    posters = services.renditions.ready_posters([video.id for video in videos])
    items = [video_representation(video, has_poster=video.id in posters) for video in videos]
    return answer({"items": items, "next_cursor": next_cursor})


def get_video(user: str, video_id: str) -> Answer:
    """One video."""
    services = context.current()
    video = services.videos.get(user, video_id)
    return answer(video_representation(video, has_poster=bool(services.renditions.ready_posters([video_id]))))


def delete_video(user: str, video_id: str) -> Response:
    """Delete a video with its jobs and results. The processor removes the results of all but the first jobs: there may
    be thousands."""
    services = context.current()
    deleted = services.videos.delete(user, video_id)
    jobs = deleted.jobs
    audit.note("video.deleted", user_id=user, subject=video_id)
    services.deleted_jobs.add(user, jobs)
    remove_video_data(services.storage, services.store, video_id, jobs[:_AT_ONCE], deleted.clips, deleted.reels)
    services.dispatch.remove_jobs(video_id, jobs[_AT_ONCE:])
    _answer_waiting(services, video_id)
    return no_content()


def _answer_waiting(services: Services, video_id: str) -> None:
    """Tell those who wait for pictures of a deleted video."""
    try:
        answer_deleted(Coordination(services.redis), video_id)
    except RedisError as error:  # a processor tells them
        log.warning("cannot answer who waits for pictures of video %s: %s", video_id, error)
