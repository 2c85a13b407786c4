"""Pictures of a job's tracks, which a renderer has made."""

import hashlib

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response

from api.context import Services, context
from api.results.track_state import require_tracks
from api.routes.pictures.answers import JPEG, cache_headers, picture_response
from api.tables.renditions import of_kind
from api.web.asgi_operations import asgi_operation
from api.web.conditional import is_known
from contracts.database.tables import Alert, Job, Rendition
from contracts.errors import CorruptData, NotFound, PictureMissing, TracksMissing
from contracts.results.pictures_file import PicturesFile
from contracts.storage.port import alert_picture_key, rendition_key
from contracts.wire.renditions import PICTURES, RenditionState, rendition_id

_BEING_MADE = "the pictures of the job's tracks are being made: try again in some seconds"
_AGAIN = "make them again with PUT /jobs/{job_id}/renditions/pictures"
_GONE = "the pictures are not stored any more: DELETE /jobs/{job_id}/renditions/pictures, then make them with PUT"
_JPEG_START, _MP4 = b"\xff\xd8", "video/mp4"
_NOT_RECORDED = (
    "no picture of the stream could be taken, and there is no recording of it (yet): one of a stream that is recorded "
    "becomes a video when it ends"
)
_JOB_DELETED = "the job that the alert is from was deleted: GET /videos/{video_id}/frame shows the moment"
_RETRY_SECONDS = 5


@asgi_operation()
async def track_picture(request: Request, user: str) -> Response:
    """The best detection of a track as a JPEG."""
    return await _respond(request, user, request.path_params["job_id"], int(request.path_params["track_id"]))


@asgi_operation()
async def alert_picture(request: Request, user: str) -> Response:
    """The best detection of the track that an alert is about, else the picture of the stream when it was raised."""
    services = context.current()
    raised = await run_sync(services.alerts.alert, user, request.path_params["alert_id"])
    alert = raised.alert
    try:
        if alert.job_id is None:
            raise PictureMissing(_NOT_RECORDED if alert.video_id is None else _JOB_DELETED)
        return await _respond(request, user, alert.job_id, alert.track)
    except PictureMissing:
        taken = await run_sync(_taken, services, alert) if alert.picture else None
        if taken is None:
            raise
    etag = f'"{alert.id}"'
    if is_known(request.headers, etag):
        return Response(status_code=304, headers=cache_headers(etag))
    return picture_response(request, taken, etag, JPEG if taken.startswith(_JPEG_START) else _MP4)


def _taken(services: Services, alert: Alert) -> bytes | None:
    """The picture of the stream that was taken for an alert, None where it is gone."""
    try:
        with services.storage.open(alert_picture_key(alert.id)) as source:
            return source.read()
    except NotFound:
        return None


async def _respond(request: Request, user: str, job_id: str, track: int) -> Response:
    services = context.current()
    job = await run_sync(services.jobs.get, user, job_id)
    row = await run_sync(_ready, services, job)
    name = f"{row.id} {row.created_at} {row.finished_at} {track}"
    etag = f'"{hashlib.sha256(name.encode()).hexdigest()[:32]}"'
    picture = await run_sync(_picture, services, job, track)
    if is_known(request.headers, etag):
        return Response(status_code=304, headers=cache_headers(etag))
    return picture_response(request, picture, etag)


def _ready(services: Services, job: Job) -> Rendition:
    """The job's pictures. Asks for them where there are tracks and nobody did. Raises PictureMissing."""
    try:
        require_tracks(job)
    except TracksMissing as error:
        raise PictureMissing(error.detail) from None
    found = services.renditions.by_ids([rendition_id(job.video_id, job.id, PICTURES)])
    if not found:
        row, _ = services.renditions.ask(of_kind(job.user_id, job.video_id, job.id, PICTURES))
        services.dispatch.render(row)
        raise PictureMissing(_BEING_MADE, _RETRY_SECONDS)
    row = found[0]
    if row.state == RenditionState.FAILED:
        raise PictureMissing(f"the pictures could not be made: {(row.error or {}).get('detail', '')}; {_AGAIN}")
    if row.state != RenditionState.READY:
        raise PictureMissing(_BEING_MADE, _RETRY_SECONDS)
    return row


def _picture(services: Services, job: Job, track: int) -> bytes:
    try:
        with services.storage.open(rendition_key(job.video_id, job.id, PICTURES)) as source:
            found = PicturesFile(source).picture(str(track))
    except (NotFound, CorruptData):
        raise PictureMissing(_GONE) from None
    if found is None:
        raise PictureMissing(
            f"there is no picture of a track {track}: the 2,000 tracks of the job that are seen longest with the best "
            "scores have one, where their best frame can be decoded"
        )
    return found
