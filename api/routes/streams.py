"""Live streams: add, read, change, start, stop, delete, and images sent to them."""

from typing import Any

import msgspec
from anyio.to_thread import run_sync
from flask import Response
from starlette.requests import Request
from starlette.responses import Response as StarletteResponse

from api.context import Services, context
from api.live import addresses, jpeg
from api.live.stream_document import document, documents
from api.requests.job_options import checked_stream_options
from api.routes import audit
from api.uploads.upload_writer import body as body_of
from api.uploads.upload_writer import drain
from api.web.answers import Answer, answer, no_content
from api.web.asgi_operations import asgi_operation, json_response
from api.web.representations import PREFIX
from contracts.database.tables import Stream, new_id, utcnow
from contracts.errors import (
    ImageRefused,
    InvalidInput,
    Malformed,
    StreamKeyMissing,
    StreamNotFed,
    StreamRefused,
    UnsupportedMediaType,
    UploadTooLarge,
    WebDetectorError,
)
from contracts.live import keys
from contracts.live.sealing import seal
from contracts.live.spec_of import options_of
from contracts.live.streams import RecordingOptions, StreamOptions
from contracts.network.camera_address import CameraAddress, parse

IMAGE_MAX_BYTES = 8 * 1024 * 1024
# Images that wait for the ingest, and how long: none may take it.
_IMAGES_WAITING = 8
_IMAGES_SECONDS = 60
_LATEST_TIME = 253_402_300_799
_CAMERAS = ("rtsp", "http")


def create_stream(user: str, body: dict[str, Any]) -> Answer:
    """Add a stream and start it."""
    services = context.current()
    model = body.get("model") or services.settings.default_model
    row = Stream(
        id=new_id(),
        user_id=user,
        kind=body["kind"],
        name=body.get("name") or "",
        model=model,
        options=_checked_options(services, model, body.get("options") or {}),
        record=_recording_options(body.get("record")),
        wanted="running",
        revision=1,
        started_at=utcnow(),
        created_at=utcnow(),
        **_source(body),
    )
    if address := _address(services, row.kind, body.get("url")):
        row.address, row.sealed = _stored(services, row.id, address)
        row.name = row.name or address.host
    services.streams.add(row, services.quotas.guard_stream(user))
    audit.note("stream.created", user_id=user, subject=row.id)
    services.publisher.publish(row.id)
    return answer(document(row, None, None), 201, Location=f"{PREFIX}/streams/{row.id}")


def list_streams(user: str, limit: int = 50, cursor: str | None = None) -> Answer:
    """A page of the user's streams."""
    services = context.current()
    rows, next_cursor = services.streams.page(user, limit, cursor)
    return answer({"items": documents(services.redis, rows), "next_cursor": next_cursor})


@asgi_operation()
async def get_stream(request: Request, user: str) -> StarletteResponse:
    """One stream. An ASGI operation because clients poll it often."""
    return json_response(await run_sync(representation, context.current(), user, request.path_params["stream_id"]))


def representation(services: Services, user: str, stream_id: str) -> dict[str, Any]:
    """A stream with its state. Raises NotFound, RedisError."""
    return documents(services.redis, [services.streams.get(user, stream_id)])[0]


def change_stream(user: str, stream_id: str, body: dict[str, Any]) -> Answer:
    """Change a stream while it runs."""
    services = context.current()

    def values_of(row: Stream) -> dict[str, Any]:
        values: dict[str, Any] = {name: body[name] for name in ("name", "model") if name in body}
        if "model" in body or "options" in body:
            options = body.get("options")
            options = msgspec.to_builtins(options_of(row)) if options is None else options
            values["options"] = _checked_options(services, body.get("model", row.model), options)
        if "record" in body:
            values["record"] = _recording_options(body["record"])
        unchanged = body.get("url") == row.address  # as it is shown
        if not unchanged and (address := _address(services, row.kind, body.get("url"))):
            values["address"], values["sealed"] = _stored(services, row.id, address)
        return values

    return _changed(services, user, services.streams.change(user, stream_id, values_of), "stream.changed")


def start_stream(user: str, stream_id: str) -> Answer:
    """Start a stream, or connect it anew."""
    services = context.current()
    change = services.streams.change(user, stream_id, lambda _: {"wanted": "running", "started_at": utcnow()})
    return _changed(services, user, change, "stream.started", 202)


def stop_stream(user: str, stream_id: str) -> Answer:
    """Stop a stream. One that is stopped stays as it is."""
    services = context.current()

    def values_of(row: Stream) -> dict[str, Any]:
        return {} if row.wanted == "stopped" else {"wanted": "stopped", "stopped_at": utcnow()}

    return _changed(services, user, services.streams.change(user, stream_id, values_of), "stream.stopped", 202)


def delete_stream(user: str, stream_id: str) -> Response:
    """Delete a stream and all that Redis keeps of it. Its recordings stay."""
    services = context.current()
    services.streams.delete(user, stream_id)
    audit.note("stream.deleted", user_id=user, subject=stream_id)
    services.publisher.publish(stream_id)
    return no_content()


@asgi_operation(validated=False)
async def push_frame(request: Request, user: str) -> StarletteResponse:
    """Pass one image on to the ingest of the stream."""
    try:
        await _push(request, user)
    except WebDetectorError:
        await drain(request)
        raise
    return StarletteResponse(status_code=202)


async def _push(request: Request, user: str) -> None:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "image/jpeg":
        raise UnsupportedMediaType("send a JPEG, with the Content-Type image/jpeg")
    services = context.current()
    row = await run_sync(services.streams.get, user, request.path_params["stream_id"])
    if row.kind != "push":
        raise StreamNotFed(f"the stream is of the kind {row.kind}: only streams of the kind push take images")
    if row.wanted == "stopped":
        raise StreamNotFed("the stream is stopped: start it first")
    taken = _time_of(request.query_params.get("time"))
    data = await _limited_body(request)
    if problem := jpeg.problem(data):
        raise ImageRefused(problem)
    await run_sync(_pass_on, services, row.id, data, taken)


def _pass_on(services: Services, stream_id: str, data: bytes, taken: str) -> None:
    key = keys.pushed(stream_id)
    with services.redis.pipeline(transaction=False) as pipe:
        pipe.xadd(key, {b"j": data, b"t": taken}, maxlen=_IMAGES_WAITING, approximate=False)
        pipe.expire(key, _IMAGES_SECONDS)
        pipe.execute()


async def _limited_body(request: Request) -> bytes:
    data = bytearray()
    async for piece in body_of(request):
        data += piece
        if len(data) > IMAGE_MAX_BYTES:
            raise UploadTooLarge(f"the image is larger than {IMAGE_MAX_BYTES} bytes: send a smaller one")
    return bytes(data)


def _time_of(text: str | None) -> str:
    """The time as it is passed on, empty for none. Raises Malformed."""
    if text is None:
        return ""
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= _LATEST_TIME:
        raise Malformed("time is not a time: send Unix seconds, as in 1767225600.25")
    return repr(seconds)


def _changed(
    services: Services, user: str, change: tuple[Stream, frozenset[str]], action: str, status: int = 200
) -> Answer:
    """Publish a change, and answer with the stream."""
    row, changed = change
    if changed:
        audit.note(action, user_id=user, subject=row.id)
        services.publisher.publish(row.id)
    return answer(documents(services.redis, [row])[0], status)


def _source(body: dict[str, Any]) -> dict[str, Any]:
    """What a stream of this kind is read from. Raises InvalidInput."""
    kind, url, video_id = body["kind"], body.get("url"), body.get("video_id")
    if kind in _CAMERAS and not url:
        raise InvalidInput(f"a stream of the kind {kind} needs a url: add the address of the camera")
    if kind not in _CAMERAS and url:
        raise InvalidInput(f"a stream of the kind {kind} has no url: omit it")
    if kind == "video" and not video_id:
        raise InvalidInput("a stream of the kind video needs a video_id: add that of one of your videos")
    if kind != "video" and video_id:
        raise InvalidInput(f"a stream of the kind {kind} has no video_id: omit it")
    return {"video_id": video_id}


def _address(services: Services, kind: str, url: str | None) -> CameraAddress | None:
    """The address in a request. Raises StreamRefused, StreamKeyMissing."""
    if url is None:
        return None
    if kind not in _CAMERAS:
        raise InvalidInput(f"a stream of the kind {kind} has no url: omit it")
    address = parse(url)
    if addresses.kind_of(address) != kind:
        raise StreamRefused(
            f"the url begins with {address.scheme}://, which is no address of a stream of the kind {kind}"
        )
    addresses.require_allowed(address, services.settings.stream_networks)
    if not services.settings.stream_secret_key:
        raise StreamKeyMissing(
            "addresses of cameras cannot be stored here, because STREAM_SECRET_KEY is not set: ask the operator to set "
            "it"
        )
    return address


def _stored(services: Services, stream_id: str, address: CameraAddress) -> tuple[str, bytes]:
    """What is shown of an address, and the whole of it, sealed."""
    return addresses.shown(address), seal(services.settings.stream_secret_key, stream_id, address.whole)


def _checked_options(services: Services, model: str, options: dict[str, Any]) -> dict[str, Any]:
    """Options for the row. Raises UnknownModel, InvalidOptions."""
    checked = checked_stream_options(services.catalogue.get(model), msgspec.convert(options, StreamOptions))
    kept: dict[str, Any] = msgspec.to_builtins(checked)
    return kept


def _recording_options(record: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if record is None else msgspec.to_builtins(msgspec.convert(record, RecordingOptions))
