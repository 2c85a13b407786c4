"""Answers that stream: results as pages or lines, and the uploaded file."""

from collections.abc import Iterator
from typing import BinaryIO

from anyio.to_thread import run_sync
from starlette.concurrency import iterate_in_threadpool
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from api.context import context
from api.pages import Page, Query, Selection, format_cursor, frame_lines, parse_cursor, read_page
from api.reading import Frames, open_frames
from contracts.states import TERMINAL
from contracts.storage import video_key
from contracts.tables import Job

NDJSON = "application/x-ndjson"
_DEFAULT_LIMIT = 500
_BLOCK_FRAMES = 500
_PIECE_BYTES = 256 * 1024


async def job_results(request: Request, user: str) -> Response:
    """A page of frames, or all of them a line each, by what the client accepts."""
    services = context.current()
    job = await run_sync(services.repository.job, user, request.path_params["job_id"])
    query, cursor, limit = _parse(request.query_params)
    first_frame = parse_cursor(cursor, query)
    as_lines = NDJSON in request.headers.get("accept", "")
    frames = await run_sync(open_frames, job, services.store, services.storage)
    if as_lines:
        lines = _lines(job, frames, query, first_frame, limit)
        return StreamingResponse(iterate_in_threadpool(lines), media_type=NDJSON)
    body = await run_sync(_page_body, job, frames, query, first_frame, limit or _DEFAULT_LIMIT)
    return Response(body, media_type="application/json")


async def video_content(request: Request, user: str) -> Response:
    """The file as it was uploaded."""
    services = context.current()
    video = await run_sync(services.repository.video, user, request.path_params["video_id"])
    source = await run_sync(services.storage.open, video_key(video.id))
    return StreamingResponse(
        iterate_in_threadpool(_pieces(source)),
        media_type=video.content_type,
        headers={"Content-Length": str(video.size_bytes), "X-Content-Type-Options": "nosniff"},
    )


def _parse(parameters: QueryParams) -> tuple[Query, str | None, int | None]:
    """The parameters, which were validated against the spec on their way here."""
    frames = {name: int(parameters[name]) for name in ("from_frame", "to_frame") if name in parameters}
    times = {name: float(parameters[name]) for name in ("from_ms", "to_ms") if name in parameters}
    labels = tuple(sorted(set(parameters.getlist("label"))))
    score = float(parameters["min_score"]) if "min_score" in parameters else None
    query = Query(labels=labels, min_score=score, **frames, **times)  # type: ignore[arg-type]
    limit = int(parameters["limit"]) if "limit" in parameters else None
    return query, parameters.get("cursor"), limit


def _page_body(job: Job, frames: Frames | None, query: Query, first_frame: int, limit: int) -> bytes:
    ended = job.state in TERMINAL
    if frames is None:
        cursor = "null" if ended else f'"{format_cursor(first_frame, query)}"'
        return f'{{"frames":[],"next_cursor":{cursor},"complete":false}}'.encode()
    try:
        page = read_page(frames, Selection(query, frames.header), first_frame, limit, ended)
        lines = [line for block in page.blocks for line in frame_lines(block, frames.header)]
    finally:
        frames.close()
    complete = ended and frames.header.complete
    cursor = "null" if page.next_frame is None else f'"{format_cursor(page.next_frame, query)}"'
    tail = f'],"next_cursor":{cursor},"complete":{"true" if complete else "false"}}}'
    return b'{"frames":[' + b",".join(lines) + tail.encode()


def _lines(job: Job, frames: Frames | None, query: Query, first_frame: int, limit: int | None) -> Iterator[bytes]:
    """All selected frames up to the frontier, some hundred lines at a time."""
    if frames is None:
        return
    try:
        selection = Selection(query, frames.header)
        page = Page([], first_frame)
        while page.next_frame is not None and not page.waiting and limit != 0:
            room = _BLOCK_FRAMES if limit is None else min(limit, _BLOCK_FRAMES)
            page = read_page(frames, selection, page.next_frame, room, job.state in TERMINAL)
            lines = [line for block in page.blocks for line in frame_lines(block, frames.header)]
            limit = None if limit is None else limit - len(lines)
            if lines:
                yield b"\n".join(lines) + b"\n"
    finally:
        frames.close()


def _pieces(source: BinaryIO) -> Iterator[bytes]:
    with source:
        while piece := source.read(_PIECE_BYTES):
            yield piece
