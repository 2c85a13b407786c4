"""Jobs: start, read, cancel, delete. For their results see api.routes.results."""

import logging
from collections.abc import Sequence
from typing import Any

from anyio.to_thread import run_sync
from flask import Response, request
from starlette.requests import Request
from starlette.responses import Response as StarletteResponse

from api.context import Services, context
from api.requests.idempotency import HEADER, RequestKey, request_key
from api.requests.job_options import checked_options
from api.routes import audit
from api.tables.jobs import JobFilter, JobWithVideo
from api.web.answers import Answer, answer, no_content
from api.web.asgi_operations import asgi_operation, json_response
from api.web.representations import PREFIX, job_representation, summary_representation
from contracts.database.tables import Job, utcnow
from contracts.errors import NotFound, ResultsNotReady, VideoRefused
from contracts.runtime.tracing import about
from contracts.storage.removal import remove_job_data
from contracts.wire.job_states import WORKING
from contracts.wire.messages import Options

log = logging.getLogger(__name__)


def create_job(user: str, body: dict[str, Any]) -> Answer:
    """Start a job on a stored video."""
    services = context.current()
    model_id = body.get("model") or services.settings.default_model
    options = checked_options(services.catalogue.get(model_id), body.get("options") or {})
    key = request_key("jobs", request.headers.get(HEADER), body["video_id"], model_id, options)
    job = start(services, user, body["video_id"], model_id, options, key)
    return answer(representation(services, job), 202, Location=f"{PREFIX}/jobs/{job.id}")


def start(services: Services, user: str, video_id: str, model: str, options: Options, key: RequestKey | None) -> Job:
    """Add a job and dispatch it, or return the earlier job with the same key.

    Raises NotFound, VideoRefused, IdempotencyMismatch.
    """
    video = services.videos.get(user, video_id)
    if video.refused:
        raise VideoRefused(video.refused)
    job, is_new = services.jobs.add(user, video_id, model, options, services.quotas.guard_job(user), key)
    if is_new:
        with about(job=job.id, video=video_id):
            log.info("job %s of video %s is made", job.id, video_id)
        services.dispatch.process_video(job.id)
    return job


def list_jobs(
    user: str,
    limit: int = 50,
    cursor: str | None = None,
    video_id: str | None = None,
    search: str = "",
    state: Sequence[str] = (),
) -> Answer:
    """A page of the user's jobs."""
    services = context.current()
    jobs, next_cursor = services.jobs.page(user, limit, cursor, JobFilter(video_id, search, tuple(state)))
    return answer({"items": representations(services, jobs), "next_cursor": next_cursor})


@asgi_operation()
async def get_job(request: Request, user: str) -> StarletteResponse:
    """One job. An ASGI operation because clients poll it often."""
    return json_response(await run_sync(_look, context.current(), user, request.path_params["job_id"]))


def _look(services: Services, user: str, job_id: str) -> dict[str, Any]:
    return _representations(services, [services.jobs.get_with_video(user, job_id)])[0]


def cancel_job(user: str, job_id: str) -> Answer:
    """Ask a job to stop. A job that has ended stays as it is."""
    services = context.current()
    job = services.jobs.request_cancel(user, job_id)
    if job.cancel_requested:
        services.store.request_cancel(job_id)
        services.dispatch.process_video(job_id)  # ends a job that has not started
    return answer(representation(services, job), 202)


def delete_job(user: str, job_id: str) -> Response:
    """Delete a job that has ended."""
    services = context.current()
    job = services.jobs.delete(user, job_id)
    audit.note("job.deleted", user_id=user, subject=job_id)
    services.deleted_jobs.add(user, [job_id])
    remove_job_data(services.storage, services.store, job.video_id, job_id)
    return no_content()


def get_summary(user: str, job_id: str) -> Answer:
    """The counts of a job that has ended."""
    job = context.current().jobs.get(user, job_id)
    if job.summary is None:
        if job.error is not None:
            raise ResultsNotReady(f"the job failed, so there is no summary: {job.error['detail']}")
        raise ResultsNotReady(f"the job is {job.state}: the summary is available when it has ended")
    return answer(summary_representation(job.summary))


def representation(services: Services, job: Job) -> dict[str, Any]:
    """A job with its current progress. Raises NotFound when it has been deleted meanwhile."""
    found = representations(services, [job])
    if not found:
        raise NotFound("there is no such job")
    return found[0]


def representations(services: Services, jobs: Sequence[Job]) -> list[dict[str, Any]]:
    """Jobs with their current progress, without jobs that have been deleted meanwhile."""
    return _representations(services, services.jobs.with_videos(jobs))


def _representations(services: Services, seen: Sequence[JobWithVideo]) -> list[dict[str, Any]]:
    working = [one.job.id for one in seen if one.job.state in WORKING]
    progress = dict(zip(working, services.store.progress_of(working), strict=True)) if working else {}
    now = utcnow()
    return [
        job_representation(one.job, progress.get(one.job.id), now, one.video, has_poster=one.has_poster) for one in seen
    ]
