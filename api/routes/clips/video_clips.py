"""Clips: parts of videos as files of their own. Their content is served by an ASGI operation."""

from typing import Any

from anyio.to_thread import run_sync
from flask import Response
from starlette.requests import Request
from starlette.responses import Response as StarletteResponse

from api.context import context
from api.routes.renditions import delete_rendition, ordered, rendition_content, require_readable
from api.tables.renditions import WantedRendition
from api.web.answers import Answer, answer
from api.web.asgi_operations import asgi_operation
from api.web.representations import rendition_representation
from contracts.database.tables import Video
from contracts.errors import InvalidInput
from contracts.wire.messages import Media, from_json, to_json
from contracts.wire.renditions import CLIP, Part, RenditionOptions, clip_id

LONGEST_MS = 3_600_000


def create_clip(user: str, video_id: str, body: dict[str, Any]) -> Answer:
    """Request a clip."""
    services = context.current()
    video = services.videos.get(user, video_id)
    require_readable(video)
    part = from_json(body, Part)
    about_bytes = round(video.size_bytes * _share(video, part))
    options = to_json(RenditionOptions(part=part))
    wanted = WantedRendition(clip_id(video_id, part), user, video_id, None, CLIP, options, about_bytes)
    guard = services.quotas.guard_clip(user, wanted.id, about_bytes)
    return ordered(services, *services.renditions.ask(wanted, guard))


def list_clips(user: str, video_id: str, limit: int = 50, cursor: str | None = None) -> Answer:
    """A page of the clips of a video, newest first."""
    rows, next_cursor = context.current().renditions.clips(user, video_id, limit, cursor)
    return answer({"items": [rendition_representation(row) for row in rows], "next_cursor": next_cursor})


def get_clip(user: str, video_id: str, clip_id: str) -> Answer:
    """The state of a clip."""
    return answer(rendition_representation(context.current().renditions.clip(user, video_id, clip_id)))


def delete_clip(user: str, video_id: str, clip_id: str) -> Response:
    """Delete a clip, or cancel making it."""
    return delete_rendition(user, context.current().renditions.clip(user, video_id, clip_id).id)


@asgi_operation()
async def clip_content(request: Request, user: str) -> StarletteResponse:
    """The file of a clip, or a range of it."""
    ids = request.path_params["video_id"], request.path_params["clip_id"]
    row = await run_sync(context.current().renditions.clip, user, *ids)
    return await rendition_content(request, user, row.id)


def _share(video: Video, part: Part) -> float:
    """How much of a video a part is, from 0 to 1. Raises InvalidInput for a part that cannot be a clip."""
    duration = from_json(video.media, Media).duration_ms
    if part.to_ms <= part.from_ms:
        raise InvalidInput(f"to_ms ({part.to_ms}) must be after from_ms ({part.from_ms})")
    if part.to_ms - part.from_ms > LONGEST_MS:
        raise InvalidInput(f"a clip has at most {LONGEST_MS} ms: ask for several")
    if part.from_ms > 0 and part.from_ms >= duration:
        raise InvalidInput(f"the video ends at {duration} ms, before from_ms ({part.from_ms})")
    return min((part.to_ms - part.from_ms) / duration, 1) if duration else 1
