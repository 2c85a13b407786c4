"""POST /videos and POST /detect: a body, or what a URL in it leads to, becomes a stored, probed video."""

import re
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec
from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response

from api import jobs, videos
from api.context import Services, context
from api.idempotency import HEADER, request_key
from api.imports import is_document, read_document, unless_gone
from api.intake import FORM_ROOM_BYTES, Intake, Stored, body, check_length, drain
from api.multipart import Form, read_form
from api.options import checked_options, parse_form_options
from api.shapes import PREFIX, video_shape
from contracts.errors import InvalidInput, Malformed, NotFound, UnsupportedMediaType, VideoRefused, WebDetectorError
from contracts.messages import Options, ProbeReport, decode, to_json
from contracts.storage import video_key
from contracts.tables import Video, new_id

_FIELD = "video"
_UNKNOWN_TYPE = "application/octet-stream"
_VIDEO_TYPE = re.compile(r"video/[\w.+-]{1,100}", re.ASCII)
_NAME_MAX = 255
_TAGS_MAX = 50


@dataclass(frozen=True, slots=True)
class Facts:
    """What the client says about a video."""

    name: str | None = None
    recorded_at: datetime | None = None
    source: str | None = None
    tags: list[str] = field(default_factory=list)


async def create_video(request: Request, user: str) -> Response:
    """Store a video and say what it is."""
    services = context.current()
    video, _ = await _receive(services, request, user)
    return _answer(video_shape(video), 201, f"{PREFIX}/videos/{video.id}")


async def detect(request: Request, user: str) -> Response:
    """Store a video and start a job on it. When the job is refused, the video goes again."""
    services = context.current()
    video, form = await _receive(services, request, user, with_options=True)
    try:
        model, options = _model_and_options(services, form)
        key = request_key("detect", request.headers.get(HEADER), video.sha256, model, options)
        job = await run_sync(jobs.start, services, user, video.id, model, options, key)
    except WebDetectorError:
        await run_sync(_discard, services, video)
        raise
    if job.video_id != video.id:  # a repeated request: its file is here already
        await run_sync(_discard, services, video)
    return _answer(await run_sync(jobs.shape, services, job), 202, f"{PREFIX}/jobs/{job.id}")


async def _receive(
    services: Services, request: Request, user: str, *, with_options: bool = False
) -> tuple[Video, Form]:
    """Store the body's file, note it, and have it probed."""
    video_id = new_id()
    try:
        stored, form = await _store(services, request, video_id, with_options)
    except WebDetectorError:
        await drain(request)
        raise
    try:
        video = await run_sync(services.repository.add_video, _row(video_id, user, stored, form))
    except BaseException:
        await run_sync(services.storage.delete, video_key(video_id))
        raise
    return await _probe(services, video), form


async def _store(services: Services, request: Request, video_id: str, with_options: bool) -> tuple[Stored, Form]:
    content_type = request.headers.get("content-type", "application/octet-stream")
    limit = services.settings.upload_max_bytes
    if is_document(content_type) and not with_options:
        return await _import(services, request, video_id)
    is_form = content_type.lower().startswith("multipart/form-data")
    if not is_form and (with_options or not content_type.lower().startswith(("video/", _UNKNOWN_TYPE))):
        raise UnsupportedMediaType(
            f"send a form with the file in the field {_FIELD!r}"
            + ("" if with_options else ", the file itself as video/* or application/octet-stream, or its url as JSON")
        )
    check_length(request, limit, FORM_ROOM_BYTES if is_form else 0)
    async with Intake(services.storage.create(video_key(video_id)), limit) as intake:
        if is_form:
            form = await read_form(content_type, body(request), _FIELD, intake.write)
            if not form.has_file:
                raise Malformed(f"the form has no file in the field {_FIELD!r}")
        else:
            form = Form(fields=dict(request.query_params), content_type=content_type)
            async for piece in body(request):
                await intake.write(piece)
        _facts(form)  # wrong facts are refused before anything is kept
        if with_options:
            _model_and_options(services, form)
        return await intake.finish(), form


async def _import(services: Services, request: Request, video_id: str) -> tuple[Stored, Form]:
    wanted = await read_document(request)
    form, limit = wanted.form(), services.settings.upload_max_bytes
    _facts(form)  # wrong facts are refused before anything is fetched
    with services.imports.place():
        async with Intake(services.storage.create(video_key(video_id)), limit) as intake:
            fetch = partial(services.imports.fetcher.fetch, wanted.url, limit, intake.write)
            fetched = await unless_gone(request, fetch)
            form.filename, form.content_type = fetched.name, fetched.content_type
            return await intake.finish(), form


def _model_and_options(services: Services, form: Form) -> tuple[str, Options]:
    """Raises UnknownModel, InvalidOptions."""
    named, options = parse_form_options(form.fields.get("model"), form.fields.get("options"))
    model = named or services.settings.default_model
    return model, checked_options(services.catalogue.get(model), options)


def _row(video_id: str, user: str, stored: Stored, form: Form) -> Video:
    facts = _facts(form)
    return Video(
        id=video_id,
        user_id=user,
        name=facts.name,
        content_type=_media_type(form.content_type),
        recorded_at=facts.recorded_at,
        source=facts.source,
        tags=facts.tags,
        size_bytes=stored.size_bytes,
        sha256=stored.sha256,
    )


def _media_type(told: str) -> str:
    """The type that the file is served with later: a video's or none, whatever the client told."""
    name = told.partition(";")[0].strip().lower()
    return name if _VIDEO_TYPE.fullmatch(name) else _UNKNOWN_TYPE


def _facts(form: Form) -> Facts:
    """The optional fields. Raises InvalidInput."""
    name = form.fields.get("name") or form.filename
    source = form.fields.get("source")
    tags = [tag.strip() for tag in form.fields.get("tags", "").split(",") if tag.strip()]
    for what, value in (("name", name), ("source", source), *(("tag", tag) for tag in tags)):
        if value is not None and len(value) > _NAME_MAX:
            raise InvalidInput(f"{what} is longer than {_NAME_MAX} characters")
        if value is not None and not value.isprintable():
            raise InvalidInput(f"{what} has characters that cannot be shown")
    if len(tags) > _TAGS_MAX:
        raise InvalidInput(f"there are more than {_TAGS_MAX} tags")
    return Facts(name, _time(form.fields.get("recorded_at")), source, tags)


def _time(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        value = msgspec.convert(text, datetime)
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    except (msgspec.ValidationError, OverflowError):
        raise InvalidInput("recorded_at is not a time such as 2026-01-31T12:00:00Z") from None


async def _probe(services: Services, video: Video) -> Video:
    """Have the processor look at the video and wait a while for its answer.

    Raises VideoRefused, after which nothing of the video is left.
    """
    await run_sync(services.dispatch.probe_video, video.id)
    report = await _report(services, video.id)
    if report is None:
        return video
    if report.refused:
        with suppress(NotFound):  # deleted while we waited
            await run_sync(_discard, services, video)
        raise VideoRefused(report.refused)
    video.media = to_json(report.media) if report.media else None
    return video


async def _report(services: Services, video_id: str) -> ProbeReport | None:
    """The probe's answer; None when it does not come in time, so that it is filled in later."""
    wait = services.settings.probe_wait_seconds
    if not wait:
        return None
    answer = await services.replies.wait_for(f"probe:{video_id}", wait)
    return decode(answer, ProbeReport) if answer else None


def _discard(services: Services, video: Video) -> None:
    videos.delete_video(video.user_id, video.id)


def _answer(content: dict[str, Any], status: int, location: str) -> Response:
    return Response(
        msgspec.json.encode(content), status_code=status, media_type="application/json", headers={"Location": location}
    )
