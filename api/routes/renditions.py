"""Renditions: requested here, made by a renderer. Their content is served by ASGI operations."""

import hashlib
from typing import Any

from anyio.to_thread import run_sync
from flask import Response
from starlette.requests import Request
from starlette.responses import Response as StarletteResponse

from api.context import Services, context
from api.results.track_state import require_tracks
from api.routes.downloads import stored
from api.tables.renditions import of_kind
from api.web.answers import Answer, answer, no_content
from api.web.asgi_operations import asgi_operation
from api.web.content_disposition import attachment
from api.web.representations import rendition_representation
from contracts.database.tables import Job, Rendition, Video
from contracts.errors import CorruptData, InvalidOptions, NotFound, RenditionNotReady, ResultsNotReady, VideoRefused
from contracts.results.result_file import ResultFile
from contracts.storage.port import result_key
from contracts.storage.renditions import key_of
from contracts.wire.job_states import TERMINAL
from contracts.wire.messages import Options, from_json, to_json
from contracts.wire.renditions import PICTURES, RenditionOptions, RenditionState, rendition_id

_ENDINGS = {"image/jpeg": "jpg", "video/mp4": "mp4", "video/webm": "webm", "video/x-matroska": "mkv"}


def put_video_rendition(user: str, video_id: str, kind: str) -> Answer:
    """Request a poster or a playable copy."""
    services = context.current()
    video = services.videos.get(user, video_id)
    require_readable(video)
    return ordered(services, *services.renditions.ask(of_kind(user, video_id, None, kind)))


def get_video_rendition(user: str, video_id: str, kind: str) -> Answer:
    """The state of a rendition of a video."""
    return answer(rendition_representation(context.current().renditions.get(user, rendition_id(video_id, None, kind))))


def delete_video_rendition(user: str, video_id: str, kind: str) -> Response:
    """Delete a rendition of a video."""
    return delete_rendition(user, rendition_id(video_id, None, kind))


def put_job_rendition(user: str, job_id: str, kind: str, body: dict[str, Any] | None = None) -> Answer:
    """Request a copy that shows the results of a job, or pictures of its tracks."""
    services = context.current()
    job = services.jobs.get(user, job_id)
    _require_results(job)
    options = from_json(body or {}, RenditionOptions)
    if kind == "annotated":
        _require_labels(services, job, options)
    else:
        require_tracks(job)
        options = RenditionOptions() if kind == PICTURES else _hiding(services, job, options)
    wanted = of_kind(user, job.video_id, job_id, kind, to_json(options))
    return ordered(services, *services.renditions.ask(wanted))


def get_job_rendition(user: str, job_id: str, kind: str) -> Answer:
    """The state of a rendition of a job."""
    return answer(rendition_representation(context.current().renditions.get(user, rendition_id("", job_id, kind))))


def delete_job_rendition(user: str, job_id: str, kind: str) -> Response:
    """Delete a rendition of a job."""
    return delete_rendition(user, rendition_id("", job_id, kind))


@asgi_operation()
async def video_rendition_content(request: Request, user: str) -> StarletteResponse:
    """The poster or the playable copy, or a range of it."""
    parameters = request.path_params
    return await rendition_content(request, user, rendition_id(parameters["video_id"], None, parameters["kind"]))


@asgi_operation()
async def job_rendition_content(request: Request, user: str) -> StarletteResponse:
    """A copy that shows the results of a job, or a range of it."""
    parameters = request.path_params
    return await rendition_content(request, user, rendition_id("", parameters["job_id"], parameters["kind"]))


def require_readable(video: Video) -> None:
    """Whether a rendition of a video can be asked for. Raises VideoRefused, RenditionNotReady."""
    if video.refused:
        raise VideoRefused(video.refused)
    if video.media is None:
        raise RenditionNotReady("the video is still being probed: try again in some seconds")


def _require_results(job: Job) -> None:
    """Raises ResultsNotReady."""
    if job.state not in TERMINAL:
        raise ResultsNotReady(f"the job is {job.state}: request a copy when it has ended")
    if job.summary is None:
        raise ResultsNotReady("the job ended without results, so there is nothing to draw")


def _hiding(services: Services, job: Job, options: RenditionOptions) -> RenditionOptions:
    """The options of a blurred copy. Raises InvalidOptions where it would not hide what is named."""
    if options.min_score is not None:
        raise InvalidOptions("a blurred copy hides every detection of the job, so it takes no min_score")
    if options.labels == ():
        raise InvalidOptions("labels names nothing to hide: leave it out to hide all objects")
    _require_labels(services, job, options)
    return options


def _require_labels(services: Services, job: Job, options: RenditionOptions) -> None:
    """Raises InvalidOptions for a label that the job cannot have found."""
    if not options.labels:
        return
    known = from_json(job.options, Options).labels or _labels(services, job)
    if known and (missing := sorted(set(options.labels) - set(known))):
        raise InvalidOptions(
            f"the job did not look for {', '.join(missing)}, so it cannot hide or show that; it looked for "
            f"{', '.join(known)}"
        )


def _labels(services: Services, job: Job) -> list[str]:
    """The labels that the job's model had, none where the results are gone."""
    try:
        with services.storage.open(result_key(job.video_id, job.id)) as source:
            return [label for label in ResultFile(source).header.labels if label]
    except (NotFound, CorruptData):
        return []


def ordered(services: Services, row: Rendition, is_new: bool) -> Answer:
    """Have a rendition made that was asked for, if it is new."""
    if is_new:
        services.dispatch.render(row)
    return answer(rendition_representation(row), 200 if row.state == RenditionState.READY else 202)


def delete_rendition(user: str, row_id: str) -> Response:
    """Delete a rendition with its file. Raises NotFound."""
    services = context.current()
    row = services.renditions.delete(user, row_id)
    services.storage.delete(key_of(row.id, row.video_id, row.job_id, row.kind))
    return no_content()


async def rendition_content(request: Request, user: str, row_id: str) -> StarletteResponse:
    """The file of a rendition, or a range of it. Raises NotFound, RenditionNotReady."""
    services = context.current()
    row = await run_sync(services.renditions.get, user, row_id)
    if row.state != RenditionState.READY or row.content_type is None or row.size_bytes is None:
        raise RenditionNotReady(f"the {row.kind} rendition is {row.state}: try again when it is ready")
    headers = {}
    if request.query_params.get("download") == "1":
        name, ending = await _name(services, user, row), _ENDINGS[row.content_type]
        headers["Content-Disposition"] = attachment(name, f"-{row.kind}.{ending}")
    key = key_of(row.id, row.video_id, row.job_id, row.kind)
    return await stored(request, key, row.size_bytes, _etag(row), row.content_type, headers)


async def _name(services: Services, user: str, row: Rendition) -> str | None:
    """What the file is called after: the video, or the reel's own name."""
    reel = from_json(row.options, RenditionOptions).reel
    return reel.name if reel else (await run_sync(services.videos.get, user, row.video_id)).name


def _etag(row: Rendition) -> str:
    name = f"{row.id} {row.created_at} {row.finished_at} {row.size_bytes}"
    return f'"{hashlib.sha256(name.encode()).hexdigest()[:32]}"'
