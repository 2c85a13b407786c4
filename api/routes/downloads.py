"""Downloads of stored files: videos and renditions."""

from collections.abc import Iterator, Mapping
from typing import BinaryIO

from anyio.to_thread import run_sync
from starlette.concurrency import iterate_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from api.context import context
from api.problem_document import MEDIA_TYPE, problem_document
from api.requests.video_metadata import served_type
from api.web.answers import headers_only
from api.web.asgi_operations import asgi_operation
from api.web.conditional import PRIVATE, NotSatisfiable, Part, is_known, wanted_part
from contracts.storage.port import video_key

_PIECE_BYTES = 256 * 1024


@asgi_operation()
async def video_content(request: Request, user: str) -> Response:
    """The file, or a range of it."""
    video = await run_sync(context.current().videos.get, user, request.path_params["video_id"])
    return await stored(
        request, video_key(video.id), video.size_bytes, f'"{video.sha256}"', served_type(video.content_type)
    )


async def stored(
    request: Request, key: str, size: int, etag: str, media_type: str, more: Mapping[str, str] | None = None
) -> Response:
    """A stored object, or the requested range of it. size: in bytes. more: further headers."""
    headers = {"ETag": etag, "Accept-Ranges": "bytes", "Cache-Control": PRIVATE, "X-Content-Type-Options": "nosniff"}
    headers |= more or {}
    if is_known(request.headers, etag):
        return Response(status_code=304, headers=headers)
    try:
        part = wanted_part(request.headers, etag, size)
    except NotSatisfiable:
        headers["Content-Range"] = f"bytes */{size}"
        content = problem_document(
            416, "range_not_satisfiable", f"the file has {size} bytes: request a range within it"
        )
        return Response(content, 416, headers, MEDIA_TYPE)
    if part is not None:
        headers["Content-Range"] = f"bytes {part.first}-{part.last}/{size}"
    sent = part or Part(0, size - 1)
    headers["Content-Length"] = str(len(sent))
    status = 206 if part else 200
    if request.method == "HEAD":
        return headers_only(headers, media_type, status)
    source = await run_sync(context.current().storage.open, key)
    return StreamingResponse(iterate_in_threadpool(_pieces(source, sent)), status, headers, media_type)


def _pieces(source: BinaryIO, part: Part) -> Iterator[bytes]:
    with source:
        source.seek(part.first)
        left = len(part)
        while left and (piece := source.read(min(left, _PIECE_BYTES))):
            left -= len(piece)
            yield piece
