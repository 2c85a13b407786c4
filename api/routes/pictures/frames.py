"""A picture of a single frame of a video: made by a processor, and kept for the next who asks."""

import hashlib

from anyio.to_thread import run_sync
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from api.context import Services, context
from api.routes.pictures.answers import cache_headers, picture_response
from api.routes.renditions import require_readable
from api.web.asgi_operations import asgi_operation
from api.web.conditional import is_known
from contracts.coordination import names
from contracts.coordination.requests import Requests
from contracts.database.tables import Video, new_id
from contracts.errors import CorruptData, FrameNotReady, FramesBusy, InvalidInput, NotFound, PictureMissing
from contracts.results.pictures_file import PicturesFile
from contracts.storage.port import frames_key
from contracts.wire.messages import Media, decode, encode, from_json
from contracts.wire.pictures import DEFAULT_WIDTH, FRAME_SECONDS, FramePicture, FrameReply, FrameRequest, Sheet

_MOST_WAITING = 64  # of a video
_SHEET_SIDE = 4


@asgi_operation()
async def video_frame(request: Request, user: str) -> Response:
    """A frame of a video as a JPEG."""
    services = context.current()
    video = await run_sync(services.videos.get, user, request.path_params["video_id"])
    require_readable(video)
    return await _answered(request, video, asked(request.query_params, from_json(video.media, Media)))


@asgi_operation()
async def contact_sheet(request: Request, user: str) -> Response:
    """Frames of a video side by side, as a JPEG."""
    video = await run_sync(context.current().videos.get, user, request.path_params["video_id"])
    require_readable(video)
    return await _answered(request, video, asked_sheet(request.query_params, from_json(video.media, Media)))


async def _answered(request: Request, video: Video, wanted: FramePicture) -> Response:
    """The picture, made where it is not stored. Raises FramesBusy, FrameNotReady, PictureMissing, NotFound."""
    services = context.current()
    # The same request always shows the same, so nothing is made or read for a client that has it.
    etag = f'"{hashlib.sha256(f"{video.sha256} {wanted.name()}".encode()).hexdigest()[:32]}"'
    if is_known(request.headers, etag):
        return Response(status_code=304, headers=cache_headers(etag))
    picture = await run_sync(_stored, services, video.id, wanted)
    if picture is None:
        await _make(services, video, wanted)
        picture = await run_sync(_stored, services, video.id, wanted)
    if picture is None:
        raise FrameNotReady("many pictures of the video are asked for: try again in some seconds")
    if not picture:
        raise PictureMissing("the frame cannot be decoded: the video is damaged there")
    return picture_response(request, picture, etag)


def asked(parameters: QueryParams, media: Media) -> FramePicture:
    """What a request asks for, of a video. Raises InvalidInput."""
    frame, at_ms, box = parameters.get("frame"), parameters.get("at_ms"), parameters.get("box")
    if (frame is None) == (at_ms is None):
        raise InvalidInput("name the frame by its number (frame) or its time (at_ms), one of them")
    if frame is not None and int(frame) >= media.frames:
        raise InvalidInput(f"the video has {media.frames} frames: frame is from 0 to {media.frames - 1}")
    return FramePicture(
        frame=None if frame is None else int(frame),
        at_ms=None if at_ms is None else float(at_ms),
        width=int(parameters.get("width", DEFAULT_WIDTH)),
        box=None if box is None else _box(box, media),
    )


def asked_sheet(parameters: QueryParams, media: Media) -> FramePicture:
    """Which contact sheet a request asks for, of a video. Raises InvalidInput."""
    columns, rows = (int(parameters.get(name, _SHEET_SIDE)) for name in ("columns", "rows"))
    begin, end = (None if (text := parameters.get(name)) is None else float(text) for name in ("from_ms", "to_ms"))
    if begin is not None and begin > media.duration_ms:
        raise InvalidInput(f"the video ends at {media.duration_ms} ms, before from_ms ({begin:g})")
    if end is not None and end <= (begin or 0):
        raise InvalidInput(f"to_ms ({end:g}) must be after from_ms ({begin or 0:g})")
    return FramePicture(width=int(parameters.get("width", DEFAULT_WIDTH)), sheet=Sheet(columns, rows, begin, end))


def _box(text: str, media: Media) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = (float(part) for part in text.split(","))
    if not (0 <= x1 < x2 <= media.width and 0 <= y1 < y2 <= media.height):
        raise InvalidInput(
            f"box is x1,y1,x2,y2 in pixels of the frame ({media.width}x{media.height}), x1 below x2, y1 below y2"
        )
    return x1, y1, x2, y2


def _stored(services: Services, video_id: str, wanted: FramePicture) -> bytes | None:
    try:
        with services.storage.open(frames_key(video_id)) as source:
            return PicturesFile(source).picture(wanted.name())
    except (NotFound, CorruptData):
        return None


async def _make(services: Services, video: Video, wanted: FramePicture) -> None:
    """Have the picture made. Raises FramesBusy, FrameNotReady, PictureMissing, NotFound."""
    reply = new_id()
    await run_sync(_send, services, video.id, FrameRequest(wanted, reply))
    answer = await services.replies.wait_for(names.frame_reply(reply), FRAME_SECONDS)
    if answer is None:
        raise FrameNotReady("the picture is being made: try again in some seconds")
    found = decode(answer, FrameReply)
    if found.deleted:
        raise NotFound("there is no such video any more")
    if found.failed:
        raise PictureMissing(f"the picture cannot be made: {found.failed}")


def _send(services: Services, video_id: str, request: FrameRequest) -> None:
    waiting = Requests(services.redis)
    if not waiting.add(names.frame_requests(video_id), encode(request), _MOST_WAITING, 2 * FRAME_SECONDS):
        raise FramesBusy(f"{_MOST_WAITING} pictures of the video are being made: ask for fewer at a time")
    services.dispatch.make_frames(video_id)
