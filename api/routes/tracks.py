"""Tracks of a job: a list of them, and making them anew."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec
from anyio.to_thread import run_sync
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from api.context import Services, context
from api.results.paging import format_cursor, parse_cursor
from api.results.responses import JSON, labels, number, respond, time_range
from api.results.sources import open_tracked
from api.results.track_list import DEFAULT_LIMIT, TrackQuery, read_tracks
from api.routes import jobs
from api.web.answers import Answer, answer
from api.web.asgi_operations import asgi_operation
from contracts.database.tables import Job
from contracts.errors import InvalidInput, ResultsNotReady
from contracts.results.tracks import TrackerParameters, settled
from contracts.wire.job_states import TERMINAL
from contracts.wire.messages import Options, from_json


@asgi_operation()
async def job_tracks(request: Request, user: str) -> Response:
    """A page of the job's tracks."""
    services = context.current()
    job = await run_sync(services.jobs.get, user, request.path_params["job_id"])
    return await respond(request, job, partial(_page, services, job, request.query_params), JSON)


def track_job(user: str, job_id: str, body: dict[str, Any] | None = None) -> Answer:
    """Ask for the tracks of a job that has ended, instead of those that it has."""
    services = context.current()
    parameters = from_json(body or {}, TrackerParameters)
    job = services.jobs.get(user, job_id)
    if job.state not in TERMINAL:
        raise ResultsNotReady(f"the job is {job.state}: ask for its tracks when it has ended")
    if job.summary is None:
        raise ResultsNotReady("the job ended without results, so there is nothing to track")
    start_score = settled(parameters, from_json(job.options, Options).min_score).start_score or 0.0
    if "min_score" in (body or {}) and parameters.min_score > start_score:
        raise InvalidInput(
            f"min_score ({parameters.min_score}) is above start_score ({start_score}): "
            "what begins a track must be able to continue it"
        )
    job = services.jobs.request_tracks(user, job_id, parameters)
    services.dispatch.track_job(job_id)
    return answer(jobs.representation(services, job), 202)


def _page(services: Services, job: Job, parameters: QueryParams) -> Iterator[bytes]:
    """The page. Errors of the request are raised here, before the response starts."""
    from_ms, to_ms = time_range(parameters)
    query = TrackQuery(
        labels=labels(parameters),
        min_score=number(parameters, "min_score"),
        min_frames=int(parameters["min_frames"]) if "min_frames" in parameters else None,
        from_ms=from_ms,
        to_ms=to_ms,
    )
    with open_tracked(job, services.store, services.storage) as (frames, tracks):
        query = msgspec.structs.replace(query, basis=tracks.header.digest())
        first = parse_cursor(parameters.get("cursor"), query)
        limit = int(parameters.get("limit", DEFAULT_LIMIT))
        found, following = read_tracks(tracks, frames.header, query, first, limit)
    cursor = None if following is None else format_cursor(following, query)
    return iter((msgspec.json.encode({"tracks": found, "next_cursor": cursor}),))
