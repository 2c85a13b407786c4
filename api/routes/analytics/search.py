"""GET /search: tracks of all of a user's videos."""

from typing import Any

from anyio.to_thread import run_sync
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from analytics.search.hours import from_ms
from api.context import Services, context
from api.search.place import format_cursor, parse_cursor
from api.search.question import polygons_of, question_of
from api.tables.search import Hit
from api.web.asgi_operations import asgi_operation, json_response
from contracts.database.tables import is_dated
from contracts.results.codec import BOX_SCALE, SCORE_SCALE

_LIMIT = 50


@asgi_operation()
async def search(request: Request, user: str) -> Response:
    """Find tracks."""
    return json_response(await run_sync(_answer, context.current(), user, request.query_params))


def _answer(services: Services, user: str, parameters: QueryParams) -> dict[str, Any]:
    polygons = []
    if "scene" in parameters:
        scene = services.scenes.get(user, parameters["scene"])
        polygons = polygons_of(scene.zones, parameters.getlist("zone"))
    question = question_of(parameters, polygons)
    if question.job is not None:
        services.jobs.get(user, question.job)
    if question.video is not None:
        services.videos.get(user, question.video)
    digest = question.digest()
    place = parse_cursor(parameters.get("cursor"), digest)
    found = services.search.page(user, question, place, int(parameters.get("limit", _LIMIT)))
    return {"hits": [_shape(hit) for hit in found.hits], "next_cursor": format_cursor(found.after, digest)}


def _shape(hit: Hit) -> dict[str, Any]:
    run, row = hit.run, hit.row
    return {
        "job_id": run.job_id,
        "video_id": run.video_id,
        "track": row.number,
        "label": hit.label,
        "score": row.score / SCORE_SCALE,
        "at": from_ms(row.at) if is_dated(row.at) else None,
        "from_ms": row.start,
        "to_ms": row.start + row.length,
        "best_frame": row.best_frame,
        "best_ms": row.best_ms,
        "best_box": [edge / BOX_SCALE for edge in (row.box_left, row.box_top, row.box_right, row.box_bottom)],
        "video_name": run.video_name,
        "source": run.source,
    }
