"""A resumable upload: its bytes come, and at the end it is a video."""

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
_HASHED_AT_ONCE = 64 * 1024 * 1024
_READ_BYTES = 1024 * 1024


def remembered(facts: VideoMetadata, metadata: str) -> dict[str, Any]:
    """What the row of an upload keeps of its facts, and as the client told them."""
    content: dict[str, Any] = msgspec.to_builtins({**asdict(facts), "metadata": metadata})
    return content


def offset_of(services: Services, upload: Upload) -> int:
    """Bytes of an upload that are kept. Raises StorageUnavailable."""
    return services.storage.resumable().size(video_key(upload.id))


def end_of_life(services: Services) -> datetime:
    """When an upload that gets on now expires."""
    return utcnow() + timedelta(hours=services.settings.upload_expire_hours)


async def receive(services: Services, upload: Upload, offset: int, stream: AsyncIterator[bytes]) -> Stored:
    """Write a stream at the end of what is kept; what was written, all of it or what came before the error.

    Raises UploadTooLarge, UploadIncomplete, StorageFull, StorageUnavailable.
    """
    last = time.monotonic()
    room = upload.size_bytes - offset
    async with AppendWriter(services.storage.resumable().append(video_key(upload.id)), SizeLimit(room)) as writer:
        async for piece in stream:
            if len(piece) > room:
                raise UploadTooLarge(f"more came than the {upload.size_bytes} bytes that the upload was to have")
            room -= len(piece)
            await writer.write(piece)
            if time.monotonic() - last > _EXTEND_SECONDS:
                last = time.monotonic()
                await extend(services, upload)
    return writer.written


async def extend(services: Services, upload: Upload) -> None:
    """Note that an upload gets on."""
    upload.expires_at = end_of_life(services)
    await run_sync(services.videos.extend_upload, upload.id, upload.expires_at)


async def finish(services: Services, upload: Upload, sha256: str | None = None) -> Video:
    """All bytes are there: make a video of them. sha256: in hex, where it is known already.

    May be done again where it was interrupted. Raises VideoRefused, after which nothing is left, and NotFound
    when the upload was deleted meanwhile.
    """
    key = video_key(upload.id)
    await run_sync(services.storage.resumable().finish, key)
    stored = Stored(upload.size_bytes, sha256 or await _digest(services, key))
    video = video_row(upload.id, upload.user_id, stored, msgspec.convert(upload.facts, VideoMetadata))
    try:
        await run_sync(services.videos.become_video, video)
    except NotFound:
        await run_sync(services.storage.delete, key)  # its row went first: nobody else would find it
        raise
    return await probed(services, video)


def remove(services: Services, upload_id: str) -> None:
    """Remove an upload and what has come of it. Its row goes last: while it is there, the rest is found again."""
    key = video_key(upload_id)
    services.storage.resumable().discard(key)
    services.storage.delete(key)  # where it was whole, but not a video yet
    services.videos.delete_upload(upload_id)


async def remove_after(services: Services, upload_id: str, error: WebDetectorError) -> None:
    """Remove an upload whose first request failed: its client has no address to go on with."""
    try:
        await run_sync(remove, services, upload_id)
    except WebDetectorError as another:  # it expires
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
    """Read some way on; whether anything was left. A thread is not held for long."""
    seen = 0
    while seen < _HASHED_AT_ONCE and (piece := source.read(_READ_BYTES)):
        digest.update(piece)
        seen += len(piece)
    return seen > 0
