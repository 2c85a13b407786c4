"""POST /videos and POST /detect: store and probe an uploaded video, or one imported from a URL."""

from functools import partial

import anyio
from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response

from api.context import Services, context
from api.requests.idempotency import HEADER, request_key
from api.requests.job_options import checked_options, parse_form_options
from api.requests.multipart_form import BESIDE_FILE_MAX_BYTES, Form, read_form
from api.requests.size_limit import SizeLimit
from api.requests.video_metadata import metadata_of
from api.routes import jobs
from api.routes.video_creation import probed, undo, video_row
from api.uploads.upload_writer import Stored, UploadWriter, body, check_length, drain
from api.uploads.url_import import cancel_on_disconnect, is_document, read_document
from api.web.asgi_operations import asgi_operation, json_response
from api.web.representations import PREFIX, video_representation
from contracts.database.tables import Video, new_id
from contracts.errors import Malformed, UnsupportedMediaType, WebDetectorError
from contracts.runtime.steps import step
from contracts.storage.port import video_key
from contracts.wire.messages import Options

_FIELD = "video"
_UNKNOWN_TYPE = "application/octet-stream"


@asgi_operation(validated=False)
async def create_video(request: Request, user: str) -> Response:
    """Store a video and return it."""
    services = context.current()
    video, _ = await _receive(services, request, user)
    return json_response(video_representation(video), 201, Location=f"{PREFIX}/videos/{video.id}")


@asgi_operation(validated=False)
async def detect(request: Request, user: str) -> Response:
    """Store a video and start a job on it. When the job is refused, the video is removed."""
    services = context.current()
    video, form = await _receive(services, request, user, with_options=True)
    try:
        model, options = _model_and_options(services, form)
        content = video.sha256 if video.fps is None else f"{video.sha256} {video.fps}"
        key = request_key("detect", request.headers.get(HEADER), content, model, options)
        job = await run_sync(jobs.start, services, user, video.id, model, options, key)
    except BaseException:
        await undo(video)
        raise
    if job.video_id != video.id:  # repeated request with the same Idempotency-Key: the earlier video is used
        await undo(video)
    return json_response(await run_sync(jobs.representation, services, job), 202, Location=f"{PREFIX}/jobs/{job.id}")


async def _receive(
    services: Services, request: Request, user: str, *, with_options: bool = False
) -> tuple[Video, Form]:
    """Store the file of the body, add its row, and have it probed."""
    video_id = new_id()
    try:
        limit = await run_sync(services.quotas.size_limit, user)
        with step("upload", video=video_id) as upload:
            stored, form = await _store(services, request, user, video_id, limit, with_options)
            upload.note(bytes=stored.size_bytes)
    except WebDetectorError:
        await drain(request)
        raise
    try:
        row, guard = (
            video_row(video_id, user, stored, metadata_of(form)),
            services.quotas.guard_bytes(user, stored.size_bytes),
        )
        video = await run_sync(services.videos.add, row, guard)
    except BaseException:
        with anyio.CancelScope(shield=True):
            await run_sync(services.storage.delete, video_key(video_id))
        raise
    try:
        return await probed(services, video), form
    except BaseException:
        await undo(video)
        raise


async def _store(
    services: Services, request: Request, user: str, video_id: str, limit: SizeLimit, with_options: bool
) -> tuple[Stored, Form]:
    content_type = request.headers.get("content-type", "application/octet-stream")
    parameters = {} if with_options else dict(request.query_params)
    metadata_of(Form(fields=parameters))  # invalid parameters are refused even if the body overrides them
    if is_document(content_type) and not with_options:
        return await _import(services, request, user, video_id, limit, parameters)
    is_form = content_type.lower().startswith("multipart/form-data")
    if not is_form and (with_options or not content_type.lower().startswith(("video/", _UNKNOWN_TYPE))):
        raise UnsupportedMediaType(
            f"send a form with the file in the field {_FIELD!r}"
            + ("" if with_options else ", the file itself as video/* or application/octet-stream, or its url as JSON")
        )
    check_length(request, limit, BESIDE_FILE_MAX_BYTES if is_form else 0)
    async with UploadWriter(services.storage.create(video_key(video_id)), limit) as writer:
        if is_form:
            form = await read_form(content_type, body(request), _FIELD, writer.write)
            if not form.has_file:
                raise Malformed(f"the form has no file in the field {_FIELD!r}")
            # Browsers send empty fields too.
            form.fields = {**parameters, **{name: value for name, value in form.fields.items() if value}}
        else:
            form = Form(fields=parameters, content_type=content_type)
            async for piece in body(request):
                await writer.write(piece)
        metadata_of(form)  # validate before anything is stored
        if with_options:
            _model_and_options(services, form)
        return await writer.finish(), form


async def _import(
    services: Services, request: Request, user: str, video_id: str, limit: SizeLimit, parameters: dict[str, str]
) -> tuple[Stored, Form]:
    wanted = await read_document(request)
    form = wanted.form()
    form.fields = {**parameters, **form.fields}
    metadata_of(form)  # validate before anything is fetched
    with services.imports.slot(user):
        async with UploadWriter(services.storage.create(video_key(video_id)), limit) as writer:
            fetch = partial(services.imports.fetcher.fetch, user, wanted.url, limit, writer.write)
            fetched = await cancel_on_disconnect(request, fetch)
            form.filename, form.content_type = fetched.name, fetched.content_type
            return await writer.finish(), form


def _model_and_options(services: Services, form: Form) -> tuple[str, Options]:
    """Raises UnknownModel, InvalidOptions."""
    named, options = parse_form_options(form.fields.get("model"), form.fields.get("options"))
    model = named or services.settings.default_model
    return model, checked_options(services.catalogue.get(model), options)
