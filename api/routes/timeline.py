"""GET /jobs/{id}/series and /jobs/{id}/appearances: results over time."""

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import Any

import msgspec
from anyio.to_thread import run_sync
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from api.context import Services, context
from api.results import appearances, series
from api.results.appearances import AppearanceQuery
from api.results.paging import format_cursor, parse_cursor
from api.results.responses import JSON, labels, number, respond, time_range
from api.results.selection import Query, Selection
from api.results.sources import open_frames
from api.web.asgi_operations import asgi_operation
from contracts.database.tables import Job
from contracts.wire.job_states import TERMINAL


@asgi_operation()
async def job_series(request: Request, user: str) -> Response:
    """Objects per label over time, in buckets."""
    services = context.current()
    job = await run_sync(services.jobs.get, user, request.path_params["job_id"])
    return await respond(request, job, partial(_series, services, job, request.query_params), JSON)


@asgi_operation()
async def job_appearances(request: Request, user: str) -> Response:
    """Intervals in which a label appears."""
    services = context.current()
    job = await run_sync(services.jobs.get, user, request.path_params["job_id"])
    return await respond(request, job, partial(_appearances, services, job, request.query_params), JSON)


def _series(services: Services, job: Job, parameters: QueryParams) -> Iterator[bytes]:
    from_ms, to_ms = time_range(parameters)
    buckets = int(parameters.get("buckets", series.DEFAULT_BUCKETS))
    ended = job.state in TERMINAL
    frames = open_frames(job, services.store, services.storage)
    if frames is None:
        return _document(series.empty_document(from_ms or 0.0, to_ms, ended))
    with closing(frames):
        span = series.span_of(frames, from_ms, to_ms, buckets, ended)
        query = Query(
            labels=labels(parameters),
            min_score=number(parameters, "min_score"),
            from_ms=span.from_ms,
            to_ms=span.to_ms,
        )
        counted, waiting = series.read_series(frames, Selection(query, frames.header), span)
        return _document(series.to_document(frames, counted, waiting, ended and frames.header.complete))


def _appearances(services: Services, job: Job, parameters: QueryParams) -> Iterator[bytes]:
    from_ms, _ = time_range(parameters)
    query = AppearanceQuery(
        label=parameters["label"],
        min_score=number(parameters, "min_score"),
        from_ms=from_ms,
        gap_ms=number(parameters, "gap_ms") or 0.0 if "gap_ms" in parameters else appearances.DEFAULT_GAP_MS,
        backwards=parameters.get("direction") == "previous",
    )
    frame = parse_cursor(parameters.get("cursor"), query)
    frames = open_frames(job, services.store, services.storage)
    if frames is None:
        waiting_cursor = None if job.state in TERMINAL or query.backwards else format_cursor(frame, query)
        return _document({"items": [], "next_cursor": waiting_cursor})
    limit = int(parameters.get("limit", appearances.DEFAULT_LIMIT))
    with closing(frames):
        found = appearances.find(frames, query, limit, frame)
    cursor = None if found.next_frame is None else format_cursor(found.next_frame, query)
    items = [appearances.representation(query.label, interval) for interval in found.intervals]
    return _document({"items": items, "next_cursor": cursor})


def _document(content: dict[str, Any]) -> Iterator[bytes]:
    return iter((msgspec.json.encode(content),))
