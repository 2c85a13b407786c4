"""Resumable uploads: tus 1.0.0, with the extensions that OPTIONS lists.

A complete upload becomes the video with the same id.
"""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response

from api.context import Services, context
from api.problem_document import MEDIA_TYPE, problem_document
from api.requests import tus_headers
from api.requests.size_limit import SizeLimit
from api.requests.video_metadata import metadata_of
from api.routes import audit
from api.routes.tus_storage import extend, finish, new_expiry, offset_of, receive, remove, remove_after, stored_metadata
from api.uploads.upload_lock import UploadLock, with_upload_lock
from api.uploads.upload_writer import Stored, body, drain
from api.web import problems
from api.web.asgi_operations import asgi_operation
from api.web.representations import PREFIX
from contracts.coordination import names
from contracts.database.tables import Upload, Video, new_id
from contracts.errors import (
    EmptyUpload,
    NotFound,
    UnsupportedMediaType,
    UploadLocked,
    UploadTooLarge,
    WebDetectorError,
    WrongOffset,
)

T = TypeVar("T")
_Operation = Callable[[Services, Request, str], Awaitable[Response]]
# The event loop keeps only weak references to tasks.
_running: set[asyncio.Task[Response]] = set()


def _tus_operation(operation: _Operation) -> Callable[[Request, str], Awaitable[Response]]:
    """Wrap an operation of the protocol: all responses, errors included, carry Tus-Resumable."""

    async def answer(request: Request, user: str) -> Response:
        try:
            tus_headers.check_version(request.headers)
            response = await operation(context.current(), request, user)
        except WebDetectorError as error:
            await drain(request)
            response = _refusal(request, error)
        response.headers["Tus-Resumable"] = tus_headers.VERSION
        return response

    @functools.wraps(operation)
    async def uncancelled(request: Request, user: str) -> Response:
        # The web server cancels a request some seconds after its client disconnects. Finishing a large upload may
        # take longer, and the client expects the video when it reconnects.
        task = asyncio.create_task(answer(request, user))
        _running.add(task)
        task.add_done_callback(_running.discard)
        return await asyncio.shield(task)

    return uncancelled


@asgi_operation(validated=False)
async def options(_request: Request, _user: str) -> Response:
    """The protocol version and extensions of the service."""
    headers = {
        "Tus-Resumable": tus_headers.VERSION,
        "Tus-Version": tus_headers.VERSION,
        "Tus-Extension": tus_headers.EXTENSIONS,
        "Tus-Max-Size": str(context.current().settings.upload_max_bytes),
        "Tus-Checksum-Algorithm": ",".join(tus_headers.ALGORITHMS),
    }
    return Response(status_code=204, headers=headers)


@asgi_operation(validated=False)
@_tus_operation
async def create_upload(services: Services, request: Request, user: str) -> Response:
    """Create an upload, with its first bytes if the request has any."""
    upload = _new_upload(services, request, user, await run_sync(services.quotas.size_limit, user))
    guard = services.quotas.guard_bytes(user, upload.size_bytes)
    await run_sync(services.videos.add_upload, upload, services.settings.upload_unfinished_max, guard)
    headers = {"Location": f"{PREFIX}/uploads/{upload.id}"}
    if not _has_chunk(request):
        return Response(status_code=201, headers={**headers, "Upload-Expires": tus_headers.expires(upload.expires_at)})
    try:
        got = await with_upload_lock(
            services.locks, names.upload_lock(upload.id), lambda lock: _append(services, request, upload, 0, lock)
        )
    except WebDetectorError as error:
        await remove_after(services, upload.id, error)
        raise
    return Response(status_code=201, headers={**headers, **got})


@asgi_operation(validated=False)
@_tus_operation
async def upload_offset(services: Services, request: Request, user: str) -> Response:
    """The offset of an upload."""
    upload_id = request.path_params["upload_id"]
    found = await run_sync(_find, services, user, upload_id)

    async def report(_: UploadLock) -> dict[str, str]:
        now = await run_sync(_find, services, user, upload_id)
        if isinstance(now, Video):
            return _complete(now)
        offset = await run_sync(offset_of, services, now)
        if offset < now.size_bytes:
            return _described(now, offset)
        return _complete(await finish(services, now))  # the process that wrote the last byte was killed before this

    try:
        headers = _complete(found) if isinstance(found, Video) else await _locked(services, upload_id, report)
    except UploadLocked:
        # Another request is writing: report the current offset, unless the upload is complete and being finished.
        upload = await run_sync(services.videos.upload, user, upload_id)
        offset = await run_sync(offset_of, services, upload)
        if offset >= upload.size_bytes:
            raise
        headers = _described(upload, offset)
    return Response(status_code=200, headers={**headers, "Cache-Control": "no-store"})


@asgi_operation(validated=False)
@_tus_operation
async def append(services: Services, request: Request, user: str) -> Response:
    """Append bytes to an upload. The last bytes turn it into a video."""
    upload_id = request.path_params["upload_id"]
    await run_sync(_find, services, user, upload_id)
    if not _has_chunk(request):
        raise UnsupportedMediaType(f"send the bytes as {tus_headers.CHUNK_TYPE}")
    told = tus_headers.number(request.headers, "Upload-Offset")

    async def continue_upload(lock: UploadLock) -> dict[str, str]:
        found = await run_sync(_find, services, user, upload_id)
        offset = found.size_bytes if isinstance(found, Video) else await run_sync(offset_of, services, found)
        if told != offset:
            raise WrongOffset(f"the upload continues at offset {offset}, not {told}: get its Upload-Offset with HEAD")
        if isinstance(found, Video):
            return _complete(found)
        return await _append(services, request, found, offset, lock)

    return Response(status_code=204, headers=await _locked(services, upload_id, continue_upload))


@asgi_operation(validated=False)
@_tus_operation
async def terminate(services: Services, request: Request, user: str) -> Response:
    """Delete an upload."""
    upload_id = request.path_params["upload_id"]

    async def delete(_: UploadLock) -> None:
        if isinstance(await run_sync(_find, services, user, upload_id), Video):
            raise NotFound(f"the upload is complete: delete the video ({PREFIX}/videos/{upload_id}) instead")
        await run_sync(remove, services, upload_id)
        await run_sync(functools.partial(audit.note, "upload.deleted", user_id=user, subject=upload_id))

    await run_sync(_find, services, user, upload_id)
    await _locked(services, upload_id, delete)
    return Response(status_code=204)


async def _append(
    services: Services, request: Request, upload: Upload, offset: int, lock: UploadLock
) -> dict[str, str]:
    """Append the body of a request. Returns the headers of the response."""
    length = request.headers.get("content-length", "")
    if length.isdigit() and offset + int(length) > upload.size_bytes:
        raise UploadTooLarge(
            f"the body exceeds the Upload-Length of {upload.size_bytes} bytes: send only the missing bytes"
        )
    checksum = tus_headers.checksum_of(request.headers)
    if offset == upload.size_bytes:  # the process that wrote the last byte was killed before it became a video
        return _complete(await finish(services, upload))
    await extend(services, upload)
    stream = lock.watched(body(request))
    if checksum is None:
        taken = await receive(services, upload, offset, stream)
    else:
        async with services.checked_chunks.verified(upload.user_id, stream, checksum) as chunk:
            taken = await receive(services, upload, offset, chunk)
    offset += taken.size_bytes
    if offset < upload.size_bytes:
        return _state(upload, offset)
    with anyio.CancelScope(shield=True):  # a client that disconnects now finds the video when it reconnects
        video = await finish(services, upload, _known_digest(upload, taken))
    return _complete(video)


def _known_digest(upload: Upload, taken: Stored) -> str | None:
    """The SHA-256 of an upload that was sent in one request."""
    return taken.sha256 if taken.size_bytes == upload.size_bytes else None


async def _locked(services: Services, upload_id: str, work: Callable[[UploadLock], Awaitable[T]]) -> T:
    return await with_upload_lock(services.locks, names.upload_lock(upload_id), work)


def _new_upload(services: Services, request: Request, user: str, limit: SizeLimit) -> Upload:
    """The upload that a request creates. Raises Malformed, InvalidInput, EmptyUpload, UploadTooLarge."""
    length = tus_headers.number(request.headers, "Upload-Length")
    metadata = request.headers.get("upload-metadata", "")
    facts = metadata_of(tus_headers.form_of(metadata))
    if not length:
        raise EmptyUpload("the file is empty: send the video itself")
    if length > limit.bytes:
        raise limit.refusal()
    return Upload(
        id=new_id(),
        user_id=user,
        size_bytes=length,
        facts=stored_metadata(facts, metadata),
        expires_at=new_expiry(services),
    )


def _find(services: Services, user: str, upload_id: str) -> Upload | Video:
    """An upload, or the video that it has become. Raises NotFound."""
    try:
        return services.videos.upload(user, upload_id)
    except NotFound as error:
        try:
            return services.videos.get(user, upload_id)
        except NotFound:
            raise error from None


def _state(upload: Upload, offset: int) -> dict[str, str]:
    return {"Upload-Offset": str(offset), "Upload-Expires": tus_headers.expires(upload.expires_at)}


def _described(upload: Upload, offset: int) -> dict[str, str]:
    metadata = upload.facts.get("metadata")
    return {
        **_state(upload, offset),
        "Upload-Length": str(upload.size_bytes),
        **({"Upload-Metadata": metadata} if metadata else {}),
    }


def _complete(video: Video) -> dict[str, str]:
    return {"Upload-Offset": str(video.size_bytes), "Upload-Length": str(video.size_bytes)}


def _has_chunk(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == tus_headers.CHUNK_TYPE


def _refusal(request: Request, error: WebDetectorError) -> Response:
    status = problems.status_of(error)
    problems.log_failure(error)
    headers = {**problems.headers_of(error), "Tus-Version": tus_headers.VERSION, "Cache-Control": "no-store"}
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    return Response(problem_document(status, error.code, error.detail), status, headers, MEDIA_TYPE)
