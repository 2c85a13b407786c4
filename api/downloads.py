"""Answers that stream: results as pages or lines, and the uploaded file."""

import hashlib
from collections.abc import Iterator
from typing import BinaryIO

from anyio.to_thread import run_sync
from starlette.concurrency import iterate_in_threadpool
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from api.conditional import NotSatisfiable, Part, is_known, wanted_part
from api.context import context
from api.pages import Page, Query, Selection, format_cursor, frame_lines, parse_cursor, read_page
from api.problems import MEDIA_TYPE as PROBLEM
from api.problems import body as problem_body
from api.reading import Frames, open_frames
from contracts.states import TERMINAL
from contracts.storage import video_key
from contracts.tables import Job

# Kept by the client alone, and asked for again before it is used.
_PRIVATE = "private, no-cache"
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
    etag = _results_etag(job, request, as_lines)
    headers = {"ETag": etag, "Cache-Control": _PRIVATE, "Vary": "Accept"} if etag else {"Cache-Control": "no-store"}
    if etag and is_known(request.headers, etag):
        return Response(status_code=304, headers=headers)
    frames = await run_sync(open_frames, job, services.store, services.storage)
    if as_lines:
        lines = _lines(job, frames, query, first_frame, limit)
        return StreamingResponse(iterate_in_threadpool(lines), headers=headers, media_type=NDJSON)
    body = await run_sync(_page_body, job, frames, query, first_frame, limit or _DEFAULT_LIMIT)
    return Response(body, headers=headers, media_type="application/json")


async def video_content(request: Request, user: str) -> Response:
    """The file as it was uploaded, or a range of it."""
    services = context.current()
    video = await run_sync(services.repository.video, user, request.path_params["video_id"])
    etag = f'"{video.sha256}"'
    headers = {"ETag": etag, "Accept-Ranges": "bytes", "Cache-Control": _PRIVATE, "X-Content-Type-Options": "nosniff"}
    if is_known(request.headers, etag):
        return Response(status_code=304, headers=headers)
    try:
        part = wanted_part(request.headers, etag, video.size_bytes)
    except NotSatisfiable:
        headers["Content-Range"] = f"bytes */{video.size_bytes}"
        detail = f"the file has {video.size_bytes} bytes: ask for a range inside"
        content = problem_body(416, "range_not_satisfiable", detail)
        return Response(content, 416, headers, PROBLEM)
    source = await run_sync(services.storage.open, video_key(video.id))
    whole = Part(0, video.size_bytes - 1)
    if part is not None:
        headers["Content-Range"] = f"bytes {part.first}-{part.last}/{video.size_bytes}"
    headers["Content-Length"] = str(len(part or whole))
    pieces = iterate_in_threadpool(_pieces(source, part or whole))
    return StreamingResponse(pieces, 206 if part else 200, headers, video.content_type)


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


def _pieces(source: BinaryIO, part: Part) -> Iterator[bytes]:
    with source:
        source.seek(part.first)
        left = len(part)
        while left and (piece := source.read(min(left, _PIECE_BYTES))):
            left -= len(piece)
            yield piece


def _results_etag(job: Job, request: Request, as_lines: bool) -> str | None:
    """Names the answer to a question about results that no longer change."""
    if job.state not in TERMINAL:
        return None
    said = f"{job.id} {job.finished_at} {as_lines} {request.url.query}"
    return f'"{hashlib.sha256(said.encode()).hexdigest()[:32]}"'
