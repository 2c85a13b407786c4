"""What viewers and readers get of a running stream: the WebSocket, results, a picture, and its recordings."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from anyio.to_thread import run_sync
from redis import RedisError
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from api.context import Services, context
from api.live import messages
from api.live.hub import Looked, Viewer
from api.live.messages import Result
from api.live.outbox import Outbox
from api.live.result_pages import LiveQuery, PageReader, StoredResults
from api.live.stream_document import documents
from api.live.viewer_socket import ViewerSocket
from api.problem_document import MEDIA_TYPE, problem_document
from api.results.paging import format_cursor, parse_cursor
from api.results.responses import labels, number, stream, time_range
from api.routes import streams
from api.routes.events import credential
from api.routes.results import NDJSON, accepted, page_body
from api.web.answers import Answer, answer, headers_only
from api.web.asgi_operations import asgi_operation
from api.web.conditional import PRIVATE, is_known
from api.web.representations import recording_representation
from api.web.websockets import error_message, websocket_of
from contracts.database.tables import Stream
from contracts.live import snapshot
from contracts.live.streams import TICKS_PER_SECOND

_UPGRADE_REQUIRED = 426
_DEFAULT_LIMIT = 500
_LINES = 500  # of NDJSON at once
_RESUMED = 100  # results that a viewer is sent at once
_STATS = ("state", "reason", "detail")
_LIVE_STATS = (
    "fps_in",
    "fps_out",
    "latency_ms",
    "lag_ms",
    "dropped",
    "skipped",
    "recording",
    "recording_error",
    "detector_error",
)


@asgi_operation()
async def stream_socket(request: Request, user: str) -> Response:
    """The WebSocket of a viewer."""
    services = context.current()
    document = await run_sync(streams.representation, services, user, request.path_params["stream_id"])
    socket = websocket_of(request.scope)
    if socket is None:
        detail = "this is a WebSocket: send Upgrade: websocket, and use the scheme ws or wss"
        body = problem_document(_UPGRADE_REQUIRED, "upgrade_required", detail)
        return Response(body, _UPGRADE_REQUIRED, {"Upgrade": "websocket"}, MEDIA_TYPE)
    viewer = Viewer(document["id"], user, credential(request), Outbox())
    services.live.add(viewer)
    hello = messages.text("hello", stream=document)
    after, scenes = partial(_results_after, services, viewer.stream_id), partial(_watch_scenes, services, viewer)
    return ViewerSocket(services.live, viewer, socket, hello, after, scenes)


def look(credentials: Sequence[str], stream_ids: Sequence[str]) -> Looked:
    """The state of watched streams, for the hub."""
    services = context.current()
    rows = services.streams.by_ids(stream_ids)
    try:
        stats = {one["id"]: _stats(one) for one in documents(services.redis, rows)}
    except RedisError:
        failed = error_message("unavailable", "Redis is not available: the stream goes on when it is")
        stats = {row.id: failed for row in rows}
    return Looked(services.sessions.valid_credentials(credentials), stats)


@asgi_operation()
async def stream_results(request: Request, user: str) -> Response:
    """A page of the results that are still in Redis, or all of them as NDJSON, by the Accept header."""
    services = context.current()
    row = await run_sync(services.streams.get, user, request.path_params["stream_id"])
    media_type = accepted(request.headers.get("accept", ""))
    pieces = partial(_pieces, services, row, request.query_params, media_type)
    return await stream(request, pieces, media_type, {"Vary": "Accept, Accept-Encoding", "Cache-Control": "no-store"})


@asgi_operation()
async def stream_snapshot(request: Request, user: str) -> Response:
    """The newest picture that can be shown without decoding."""
    services = context.current()
    row = await run_sync(services.streams.get, user, request.path_params["stream_id"])
    picture = await run_sync(snapshot.newest, services.redis, row.id)
    headers = {"ETag": f'"{picture.name}"', "Cache-Control": PRIVATE}
    if is_known(request.headers, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    if request.method == "HEAD":
        return headers_only({**headers, "Content-Length": str(len(picture.content))}, picture.media_type)
    return Response(picture.content, headers=headers, media_type=picture.media_type)


def list_recordings(user: str, stream_id: str, limit: int = 50, cursor: str | None = None) -> Answer:
    """A page of the recordings of a stream."""
    rows, next_cursor = context.current().recordings.page(user, stream_id, limit, cursor)
    return answer({"items": [recording_representation(row) for row in rows], "next_cursor": next_cursor})


def _stats(document: dict[str, Any]) -> str:
    live = document["live"]
    return messages.text(
        "stats", **{name: document[name] for name in _STATS}, **{name: live[name] for name in _LIVE_STATS}
    )


async def _results_after(services: Services, stream_id: str, after_ms: float) -> list[Result]:
    return await run_sync(_read_after, services, stream_id, after_ms)


async def _watch_scenes(
    services: Services, viewer: Viewer, outbox: Outbox, scene_ids: Sequence[str], dwell: float | None
) -> None:
    scenes = [await run_sync(services.scenes.get, viewer.user, scene_id) for scene_id in dict.fromkeys(scene_ids)]
    await services.scene_feeds.want(outbox, viewer.stream_id, scenes, dwell)


def _read_after(services: Services, stream_id: str, after_ms: float) -> list[Result]:
    row = services.streams.find(stream_id)
    if row is None:
        return []
    first = max(0, int(min(after_ms, messages.LATEST_MS) * TICKS_PER_SECOND / 1000))
    found: list[Result] = []
    for frames in _stored(services, row).since(first):
        made = (messages.result(one, services.plan_labels.read(stream_id, one.plan)) for one in frames)
        found += [one for one in made if one.time_ms > after_ms]
        if len(found) >= _RESUMED:
            break
    return found[:_RESUMED]


def _stored(services: Services, row: Stream) -> StoredResults:
    return StoredResults(services.redis, row.id, row.started_at.timestamp())


def _pieces(services: Services, row: Stream, parameters: QueryParams, media_type: str) -> Iterator[bytes]:
    """The response body in pieces. Errors of the request are raised here, before the response starts."""
    from_ms, to_ms = time_range(parameters)
    query = LiveQuery(
        labels=labels(parameters),
        min_score=number(parameters, "min_score"),
        from_ms=from_ms,
        to_ms=to_ms,
        started_ms=int(row.started_at.timestamp() * 1000),
    )
    first = parse_cursor(parameters.get("cursor"), query)
    limit = int(parameters["limit"]) if "limit" in parameters else None
    labels_of = partial(services.plan_labels.read, row.id)
    reader = PageReader(_stored(services, row), query, labels_of, services.plan_labels.of_model(row.model))
    if media_type == NDJSON:
        return _lines(reader, first, limit)
    found, following = reader.read(first, limit or _DEFAULT_LIMIT)
    cursor = None if following is None else format_cursor(following, query)
    return iter((page_body(found, cursor, complete=False),))


def _lines(reader: PageReader, first: int | None, limit: int | None) -> Iterator[bytes]:
    """All results up to now, in blocks of lines."""
    while first is not None and limit != 0:
        found, first = reader.read(first, _LINES if limit is None else min(limit, _LINES))
        if not found:
            return
        limit = None if limit is None else limit - len(found)
        yield b"\n".join(found) + b"\n"
