"""Reels: one file of pieces of several videos. Their content is served by an ASGI operation."""

from datetime import timedelta
from typing import Any

from flask import Response
from starlette.requests import Request
from starlette.responses import Response as StarletteResponse

from api.context import Services, context
from api.requests.reel_pieces import PIECES, Hit, Margin, pieces
from api.routes.renditions import delete_rendition, ordered, rendition_content, require_readable
from api.tables.renditions import WantedRendition
from api.web.answers import Answer, answer
from api.web.asgi_operations import asgi_operation
from api.web.representations import rendition_representation
from contracts.database.tables import new_id, utcnow
from contracts.errors import InvalidInput
from contracts.wire.messages import Media, from_json, to_json
from contracts.wire.renditions import REEL, Reel, RenditionOptions

KEPT = timedelta(days=7)
VIDEOS = 50
_MARGIN_MS = 1000
_SIZE = (1280, 720)
_BYTES_PER_MS = 250  # about that many are encoded


def create_reel(user: str, body: dict[str, Any]) -> Answer:
    """Request a reel."""
    services = context.current()
    hits = [Hit(piece["video_id"], piece["from_ms"], piece["to_ms"]) for piece in body["pieces"]]
    margin = Margin(body.get("before_ms", _MARGIN_MS), body.get("after_ms", _MARGIN_MS))
    durations = _durations(services, user, hits)
    found, left_out = pieces(hits, durations, margin, body.get("max_ms"))
    if len(found) == PIECES and left_out and body.get("max_ms") is None:
        raise InvalidInput(f"a reel has at most {PIECES} pieces: give max_ms to leave out what comes after")
    width, height = body.get("width", _SIZE[0]), body.get("height", _SIZE[1])
    reel = Reel(body.get("name") or "reel", found, width, height, left_out)
    about_bytes = sum(piece.to_ms - piece.from_ms for piece in found) * _BYTES_PER_MS
    options = to_json(RenditionOptions(reel=reel))
    wanted = WantedRendition(new_id(), user, found[0].video_id, None, REEL, options, about_bytes)
    guard = services.quotas.guard_reel(user, wanted.id, about_bytes)
    shown = {piece.video_id for piece in found}
    return ordered(services, services.renditions.add_reel(wanted, utcnow() + KEPT, shown, guard), is_new=True)


def list_reels(user: str, limit: int = 50, cursor: str | None = None) -> Answer:
    """A page of the user's reels, newest first."""
    rows, next_cursor = context.current().renditions.reels(user, limit, cursor)
    return answer({"items": [rendition_representation(row) for row in rows], "next_cursor": next_cursor})


def get_reel(user: str, reel_id: str) -> Answer:
    """The state of a reel."""
    return answer(rendition_representation(context.current().renditions.reel(user, reel_id)))


def delete_reel(user: str, reel_id: str) -> Response:
    """Delete a reel, or cancel making it."""
    return delete_rendition(user, context.current().renditions.reel(user, reel_id).id)


@asgi_operation()
async def reel_content(request: Request, user: str) -> StarletteResponse:
    """The file of a reel, or a range of it."""
    return await rendition_content(request, user, request.path_params["reel_id"])


def _durations(services: Services, user: str, hits: list[Hit]) -> dict[str, float]:
    """Of the videos, in ms. Raises NotFound, VideoRefused, RenditionNotReady, InvalidInput."""
    ids = dict.fromkeys(hit.video_id for hit in hits)
    if len(ids) > VIDEOS:
        raise InvalidInput(f"the pieces are of {len(ids)} videos; a reel shows at most {VIDEOS}")
    durations = {}
    for video_id in ids:
        video = services.videos.get(user, video_id)
        require_readable(video)
        durations[video_id] = from_json(video.media, Media).duration_ms
    return durations
