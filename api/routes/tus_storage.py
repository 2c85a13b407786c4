"""Storage of a resumable upload: append bytes, finish it as a video, remove it."""

import hashlib
import time
from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, BinaryIO

import msgspec
from anyio.to_thread import run_sync

from api.context import Services
from api.requests.size_limit import SizeLimit
from api.requests.video_metadata import VideoMetadata
from api.routes.video_creation import probed, video_row
from api.uploads.upload_writer import AppendWriter, Stored
from contracts.database.tables import Upload, Video, utcnow
from contracts.errors import NotFound, UploadTooLarge, WebDetectorError
from contracts.storage.port import video_key

_EXTEND_SECONDS = 300
_HASH_STEP_BYTES = 64 * 1024 * 1024
_READ_BYTES = 1024 * 1024


def stored_metadata(video: VideoMetadata, header: str) -> dict[str, Any]:
    """The metadata as stored in the row of an upload, with the original Upload-Metadata header."""
    content: dict[str, Any] = msgspec.to_builtins({**asdict(video), "metadata": header})
    return content


def offset_of(services: Services, upload: Upload) -> int:
    """The offset of an upload: bytes stored so far. Raises StorageUnavailable."""
    return services.storage.resumable().size(video_key(upload.id))


def new_expiry(services: Services) -> datetime:
    """The expiry of an upload that makes progress now."""
    return utcnow() + timedelta(hours=services.settings.upload_expire_hours)


async def receive(services: Services, upload: Upload, offset: int, stream: AsyncIterator[bytes]) -> Stored:
    """Append a stream. Returns what was written; on an error, what came before it stays.

    Raises UploadTooLarge, UploadIncomplete, StorageFull, StorageUnavailable.
    """
    last = time.monotonic()
    room = upload.size_bytes - offset
    async with AppendWriter(services.storage.resumable().append(video_key(upload.id)), SizeLimit(room)) as writer:
        async for piece in stream:
            if len(piece) > room:
                raise UploadTooLarge(
                    f"the upload is longer than its Upload-Length of {upload.size_bytes} bytes: create a new one"
                )
            room -= len(piece)
            await writer.write(piece)
            if time.monotonic() - last > _EXTEND_SECONDS:
                last = time.monotonic()
                await extend(services, upload)
    return writer.written


async def extend(services: Services, upload: Upload) -> None:
    """Postpone the expiry of an upload that makes progress."""
    upload.expires_at = new_expiry(services)
    await run_sync(services.videos.extend_upload, upload.id, upload.expires_at)


async def finish(services: Services, upload: Upload, sha256: str | None = None) -> Video:
    """Turn a complete upload into a video. sha256: in hex, if known already.

    Can be repeated after an interruption. Raises VideoRefused after removing everything, and NotFound when the upload
    has been deleted meanwhile.
    """
    key = video_key(upload.id)
    await run_sync(services.storage.resumable().finish, key)
    stored = Stored(upload.size_bytes, sha256 or await _digest(services, key))
    video = video_row(upload.id, upload.user_id, stored, msgspec.convert(upload.facts, VideoMetadata))
    try:
        await run_sync(services.videos.become_video, video)
    except NotFound:
        await run_sync(services.storage.delete, key)  # its row is gone: nothing else would find the object
        raise
    return await probed(services, video)


def remove(services: Services, upload_id: str) -> None:
    """Remove an upload. Its row goes last, so that an interrupted removal can be repeated."""
    key = video_key(upload_id)
    services.storage.resumable().discard(key)
    services.storage.delete(key)  # complete, but not a video yet
    services.videos.delete_upload(upload_id)


async def remove_after(services: Services, upload_id: str, error: WebDetectorError) -> None:
    """Remove an upload whose creating request failed: the client has no URL to resume it."""
    try:
        await run_sync(remove, services, upload_id)
    except WebDetectorError as another:  # it will expire
        error.add_note(f"and it could not be removed: {another.detail}")


async def _digest(services: Services, key: str) -> str:
    """SHA-256 of an object, in hex."""
    digest = hashlib.sha256()
    source = await run_sync(services.storage.open, key)
    try:
        while await run_sync(_hash_some, source, digest):
            pass
    finally:
        await run_sync(source.close)
    return digest.hexdigest()


def _hash_some(source: BinaryIO, digest: "hashlib._Hash") -> bool:
    """Hash the next _HASH_STEP_BYTES, so that no thread is held for long. False at the end."""
    seen = 0
    while seen < _HASH_STEP_BYTES and (piece := source.read(_READ_BYTES)):
        digest.update(piece)
        seen += len(piece)
    return seen > 0
