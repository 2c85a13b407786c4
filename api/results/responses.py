"""What the answers that are made of a job's frames have in common: parameters, headers, the way they are sent."""

import hashlib
import math
from collections.abc import Callable, Iterator

from anyio.to_thread import run_sync
from starlette.concurrency import iterate_in_threadpool
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from api.web.compression import choose, encoded
from api.web.conditional import PRIVATE, is_known
from contracts.database.tables import Job
from contracts.errors import InvalidInput
from contracts.wire.job_states import TERMINAL

JSON = "application/json"
# Beyond these a double does not tell milliseconds apart well.
_MOST_MS = 1e12


async def respond(
    request: Request, job: Job, pieces: Callable[[], Iterator[bytes]], media_type: str, **headers: str
) -> Response:
    """The pieces, compressed for clients that ask for it, unless the client holds the same answer already.

    pieces is called in a thread, and raises what is wrong with the question before the answer begins.
    """
    encoding = choose(request.headers.get("accept-encoding", ""))
    headers |= _conditions(job, f"{request.url.path} {media_type} {encoding} {request.url.query}")
    if "ETag" in headers and is_known(request.headers, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    if encoding:
        headers["Content-Encoding"] = encoding
    body = await run_sync(pieces)
    return StreamingResponse(iterate_in_threadpool(encoded(body, encoding)), headers=headers, media_type=media_type)


def _conditions(job: Job, question: str) -> dict[str, str]:
    """Results of a job that has ended do not change: the same question has the same answer."""
    vary = {"Vary": "Accept, Accept-Encoding"}
    if job.state not in TERMINAL:
        return {**vary, "Cache-Control": "no-store"}
    name = hashlib.sha256(f"{job.id} {job.finished_at} {question}".encode()).hexdigest()[:32]
    return {**vary, "Cache-Control": PRIVATE, "ETag": f'"{name}"'}


def number(parameters: QueryParams, name: str) -> float | None:
    """A parameter that was validated against the spec, None where it is left out. Raises InvalidInput."""
    if name not in parameters:
        return None
    value = float(parameters[name])
    if not math.isfinite(value):
        raise InvalidInput(f"{name} is {parameters[name]}: give a number")
    return value


def period(parameters: QueryParams) -> tuple[float | None, float | None]:
    """from_ms and to_ms of a question that computes with them. Raises InvalidInput."""
    from_ms, to_ms = number(parameters, "from_ms"), number(parameters, "to_ms")
    for name, value in (("from_ms", from_ms), ("to_ms", to_ms)):
        if value is not None and abs(value) > _MOST_MS:
            raise InvalidInput(f"{name} is {value}: give milliseconds of the video")
    if from_ms is not None and to_ms is not None and from_ms >= to_ms:
        raise InvalidInput(f"from_ms ({from_ms}) must come before to_ms ({to_ms})")
    return from_ms, to_ms


def labels(parameters: QueryParams) -> tuple[str, ...]:
    """The asked labels, in one order whatever theirs was."""
    return tuple(sorted(set(parameters.getlist("label"))))
