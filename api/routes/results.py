"""GET /jobs/{id}/results: the frames of a job, as a JSON page or as NDJSON."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec
from anyio.to_thread import run_sync
from msgspec import UNSET
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from api.context import Services, context
from api.results.paging import Page, format_cursor, frame_lines, parse_cursor, read_page
from api.results.responses import JSON, flag, labels, number, respond, whole
from api.results.selection import Query, Selection
from api.results.sources import Frames, open_frames
from api.results.track_state import require_tracks
from api.web.asgi_operations import asgi_operation
from contracts.database.tables import Job
from contracts.wire.job_states import TERMINAL

NDJSON = "application/x-ndjson"
_DEFAULT_LIMIT = 500
_BLOCK_FRAMES = 500


@asgi_operation()
async def job_results(request: Request, user: str) -> Response:
    """A page of frames, or all of them as NDJSON, by the Accept header."""
    services = context.current()
    job = await run_sync(services.jobs.get, user, request.path_params["job_id"])
    media_type = accepted(request.headers.get("accept", ""))
    pieces = partial(_pieces, services, job, request.query_params, media_type)
    return await respond(request, job, pieces, media_type)


def accepted(accept: str) -> str:
    """The preferred media type of an Accept header; JSON by default."""
    likes = parse_accept_header(accept, MIMEAccept)
    return str(likes.best_match([JSON, NDJSON], default=JSON))


def _pieces(services: Services, job: Job, parameters: QueryParams, media_type: str) -> Iterator[bytes]:
    """The response body in pieces. Errors of the request are raised here, before the response starts."""
    query, cursor, limit = _parse(parameters)
    if query.track is not UNSET:
        require_tracks(job)
    frames = open_frames(job, services.store, services.storage)
    if frames is None:
        first_frame = parse_cursor(cursor, query)
        waits = None if job.state in TERMINAL else first_frame
        return iter((_page([], waits, query, False),) if media_type == JSON else ())
    try:
        if query.track is not UNSET and frames.tracks is not None:
            query = msgspec.structs.replace(query, basis=frames.tracks.header.digest())
        first_frame = parse_cursor(cursor, query)
        selection = Selection(query, frames.header, frames.tracks)
        ended = job.state in TERMINAL
        if media_type == NDJSON:
            return lines(frames, selection, first_frame, limit, ended)
        page = read_page(frames, selection, first_frame, limit or _DEFAULT_LIMIT, ended)
        body = _page(_encoded_frames(page, frames), page.next_frame, query, ended and frames.header.complete)
    except BaseException:
        frames.close()
        raise
    frames.close()
    return iter((body,))


def _parse(parameters: QueryParams) -> tuple[Query, str | None, int | None]:
    """Filter, cursor and limit from parameters that have been validated against the spec."""
    ranges: dict[str, Any] = {name: int(parameters[name]) for name in ("from_frame", "to_frame") if name in parameters}
    query = Query(
        labels=labels(parameters),
        min_score=number(parameters, "min_score"),
        from_ms=number(parameters, "from_ms"),
        to_ms=number(parameters, "to_ms"),
        filled=flag(parameters, "filled"),
        track=whole(parameters, "track"),
        **ranges,
    )
    limit = int(parameters["limit"]) if "limit" in parameters else None
    return query, parameters.get("cursor"), limit


def _page(frames: list[bytes], next_frame: int | None, query: Query, complete: bool) -> bytes:
    return page_body(frames, None if next_frame is None else format_cursor(next_frame, query), complete=complete)


def page_body(frames: list[bytes], cursor: str | None, *, complete: bool) -> bytes:
    """A page as JSON. frames: each as JSON. cursor: of the next page."""
    quoted = "null" if cursor is None else f'"{cursor}"'
    tail = f'],"next_cursor":{quoted},"complete":{"true" if complete else "false"}}}'
    return b'{"frames":[' + b",".join(frames) + tail.encode()


def _encoded_frames(page: Page, frames: Frames) -> list[bytes]:
    return [line for block in page.blocks for line in frame_lines(block, frames.header)]


def lines(frames: Frames, selection: Selection, first_frame: int, limit: int | None, ended: bool) -> Iterator[bytes]:
    """NDJSON of all selected frames up to the frontier, in blocks of _BLOCK_FRAMES lines."""
    try:
        page = Page([], first_frame)
        while page.next_frame is not None and not page.waiting and limit != 0:
            room = _BLOCK_FRAMES if limit is None else min(limit, _BLOCK_FRAMES)
            page = read_page(frames, selection, page.next_frame, room, ended)
            taken = _encoded_frames(page, frames)
            limit = None if limit is None else limit - len(taken)
            if taken:
                yield b"\n".join(taken) + b"\n"
    finally:
        frames.close()
