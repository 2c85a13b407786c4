"""Shared by all responses with results: query parameters, cache headers, streaming."""

import hashlib
import math
from collections.abc import Callable, Generator, Iterator

from anyio.to_thread import run_sync
from msgspec import UNSET, UnsetType
from starlette.concurrency import iterate_in_threadpool
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from api.web.answers import headers_only
from api.web.compression import choose, encoded
from api.web.conditional import PRIVATE, is_known
from contracts.database.tables import Job
from contracts.errors import InvalidInput
from contracts.wire.job_states import TERMINAL

JSON = "application/json"
# Part of all ETags: raised when a release writes the same results with other bytes.
_REPRESENTATION = 2
# Beyond this a double is too imprecise for milliseconds.
_MOST_MS = 1e12


async def respond(
    request: Request, job: Job, pieces: Callable[[], Iterator[bytes]], media_type: str, **headers: str
) -> Response:
    """Stream the body of a job's results; 304 when the client has it already. pieces: see `stream`."""
    encoding = choose(request.headers.get("accept-encoding", ""))
    headers |= _conditions(job, f"{request.url.path} {media_type} {encoding} {request.url.query}")
    if "ETag" in headers and is_known(request.headers, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return await stream(request, pieces, media_type, headers)


async def stream(
    request: Request, pieces: Callable[[], Iterator[bytes]], media_type: str, headers: dict[str, str]
) -> Response:
    """Stream a body, compressed if the client accepts it.

    pieces: called in a thread. Raises errors of the request before the response starts.
    """
    encoding = choose(request.headers.get("accept-encoding", ""))
    if encoding:
        headers["Content-Encoding"] = encoding
    body = await run_sync(pieces)
    if request.method == "HEAD":
        await run_sync(_end, body)
        return headers_only(headers, media_type)
    return StreamingResponse(iterate_in_threadpool(encoded(body, encoding)), headers=headers, media_type=media_type)


def _end(body: Iterator[bytes]) -> None:
    """Let go of what a body reads from: a generator does so only after its first piece."""
    next(body, None)
    if isinstance(body, Generator):
        body.close()


def _conditions(job: Job, question: str) -> dict[str, str]:
    """Cache headers. The results of an ended job do not change, but it may get tracks, and others later."""
    vary = {"Vary": "Accept, Accept-Encoding"}
    if job.state not in TERMINAL:
        return {**vary, "Cache-Control": "no-store"}
    tracked = "" if job.tracks is None else f" {job.tracks} {job.changed_at}"
    subject = f"{_REPRESENTATION} {job.id} {job.finished_at} {question}{tracked}"
    name = hashlib.sha256(subject.encode()).hexdigest()[:32]
    return {**vary, "Cache-Control": PRIVATE, "ETag": f'"{name}"'}


def flag(parameters: QueryParams, name: str) -> bool | UnsetType:
    """A boolean that was validated against the spec, UNSET if absent."""
    return parameters[name].lower() == "true" if name in parameters else UNSET


def whole(parameters: QueryParams, name: str) -> int | UnsetType:
    """A whole number that was validated against the spec, UNSET if absent."""
    return int(parameters[name]) if name in parameters else UNSET


def number(parameters: QueryParams, name: str) -> float | None:
    """A number that was validated against the spec, None if absent. Raises InvalidInput for NaN and infinity."""
    if name not in parameters:
        return None
    value = float(parameters[name])
    if not math.isfinite(value):
        raise InvalidInput(f"{name} is {parameters[name]}: give a number")
    return value


def time_range(parameters: QueryParams) -> tuple[float | None, float | None]:
    """from_ms and to_ms, within the range that is safe to compute with. Raises InvalidInput."""
    from_ms, to_ms = number(parameters, "from_ms"), number(parameters, "to_ms")
    for name, value in (("from_ms", from_ms), ("to_ms", to_ms)):
        if value is not None and abs(value) > _MOST_MS:
            raise InvalidInput(f"{name} is {value}: give a time of the video in milliseconds")
    if from_ms is not None and to_ms is not None and from_ms >= to_ms:
        raise InvalidInput(f"from_ms ({from_ms}) must come before to_ms ({to_ms})")
    return from_ms, to_ms


def labels(parameters: QueryParams) -> tuple[str, ...]:
    """The requested labels, sorted, so that their order does not matter."""
    return tuple(sorted(set(parameters.getlist("label"))))
