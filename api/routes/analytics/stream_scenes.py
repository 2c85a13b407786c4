"""GET /streams/{id}/scenes/{id}/events: what objects of a live stream do at zones and lines."""

import hashlib
from bisect import bisect_left
from functools import partial
from typing import Any

from anyio.to_thread import run_sync
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from analytics.scenes.levels import live_rules
from analytics.scenes.scene import FOOT
from api.context import Services, context
from api.live.stream_events import SceneReader
from api.results import scene_events
from api.results.paging import format_cursor, parse_cursor
from api.results.responses import number
from api.results.scene_events import SceneEvents
from api.web.asgi_operations import asgi_operation, json_response
from contracts.database.tables import Scene, Stream
from contracts.live.streams import TIME_BASE

_DEFAULT_LIMIT = 200
# A place in the events: the time in ticks, and which one of that time it is.
_OF_ONE_TIME = 10_000


@asgi_operation()
async def stream_scene_events(request: Request, user: str) -> Response:
    """A page of events."""
    services = context.current()
    stream = await run_sync(services.streams.get, user, request.path_params["stream_id"])
    scene = await run_sync(services.scenes.get, user, request.path_params["scene_id"])
    content = await run_sync(_page, services, stream, scene, request.query_params)
    return json_response(content, 200, **{"Cache-Control": "no-store"})


def _page(services: Services, stream: Stream, scene: Scene, parameters: QueryParams) -> dict[str, Any]:
    linger = int(parameters["linger"]) if "linger" in parameters else None
    dwell, anchor = number(parameters, "dwell"), parameters.get("point", FOOT)
    key = (stream.id, scene.id, scene.revision, linger, dwell, anchor)
    make = partial(SceneReader, services.redis, stream.id, scene, linger, dwell, anchor)
    query = scene_events.query_of(parameters, hashlib.sha256(repr((key, stream.started_at)).encode()).hexdigest())
    place = parse_cursor(parameters.get("cursor"), query)
    # By what they mean, not as they were written.
    meant = (stream.id, scene.id, scene.revision, live_rules(TIME_BASE, linger, dwell), anchor)
    reader = services.scene_readers.read(stream.user_id, meant, make)
    asked = services.plan_labels.of_model(stream.model)
    found, until = reader.settled(services.plan_labels.read, asked, stream.started_at.timestamp())
    scene_events.require_known(found, query)
    places = _places(found)
    first = bisect_left(places, place)
    shown, after = scene_events.page(found, query, first, int(parameters.get("limit", _DEFAULT_LIMIT)))
    if after is None and query.stop is not None and found.seconds(until) >= query.stop:
        return {"events": shown, "next_cursor": None}
    following = max(place, until * _OF_ONE_TIME) if after is None else places[after]
    return {"events": shown, "next_cursor": format_cursor(following, query)}


def _places(found: SceneEvents) -> list[int]:
    """Of each event, rising: they stay the same while earlier events are let go of."""
    places: list[int] = []
    for event in found.events:
        least = event.time * _OF_ONE_TIME
        places.append(max(least, places[-1] + 1) if places else least)
    return places
