"""Renders requested renditions. Idempotent: each is rendered once."""

import logging
import tempfile
import threading
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from contracts.coordination import names
from contracts.coordination.leases import Locks, LockState
from contracts.database.tables import Rendition
from contracts.errors import NotFound, StorageFull, VideoRefused, WebDetectorError
from contracts.storage.port import index_key, rendition_key, result_key, video_key
from contracts.wire.messages import Media, from_json
from contracts.wire.renditions import ANNOTATED, UNFINISHED, RenditionOptions, RenditionState
from processor.context import Services
from processor.renditions.ask import Sources, Unwanted, make
from processor.renditions.protocol import Report
from processor.task_signatures import render_signature

log = logging.getLogger(__name__)

MOST_TRIES = 3
_LEASE_SECONDS = 20
_TRIES_SECONDS = 7 * 86_400
_COPY_BYTES = 1024 * 1024

# Set when this process shuts down: another process then takes over its rendition.
leaving = threading.Event()


def render(services: Services, rendition_id: str) -> None:
    """Make a rendition, unless it is finished or leased by another renderer.

    Raises StorageUnavailable; the reaper then sends it again."""
    row = services.repository.rendition(rendition_id)
    if row is None or row.state not in UNFINISHED:
        return
    lease = _Lease(services.coordination.locks, names.rendition_lease(row.id))
    if not lease.take():
        return
    try:
        _under_lease(services, row, lease)
    finally:
        lease.release()
    left = services.repository.rendition(rendition_id)
    if left is not None and left.state == RenditionState.QUEUED:  # interrupted by a shutdown, or requested again
        render_signature(services, left).apply_async()


@dataclass(frozen=True, slots=True)
class _Lease:
    """This call's lease on a rendition. A renderer that was suspended until it expired takes nothing from the next."""

    locks: Locks
    name: str
    owner: str = field(default_factory=lambda: uuid.uuid4().hex)

    def take(self) -> bool:
        return self.locks.acquire(self.name, self.owner, _LEASE_SECONDS)

    def renew(self) -> bool:
        """False when another renderer has it."""
        return self.locks.renew(self.name, self.owner, _LEASE_SECONDS) is not LockState.LOST

    def release(self) -> None:
        self.locks.release(self.name, self.owner)


def _under_lease(services: Services, row: Rendition, lease: _Lease) -> None:
    tries = names.rendition_attempts(row.id, row.created_at)
    if services.coordination.count(tries, _TRIES_SECONDS) > MOST_TRIES:
        detail = f"it could not be made in {MOST_TRIES} tries: the log of the renderer says more"
        _fail(services, row, VideoRefused(detail))
        return
    if not services.repository.move_rendition(row, RenditionState.RUNNING, frames_done=0):
        return
    try:
        _make(services, row, lease)
    except Unwanted:
        if leaving.is_set():
            services.coordination.reset_count(tries)
            services.repository.move_rendition(row, RenditionState.QUEUED)
    except (VideoRefused, NotFound, StorageFull) as error:
        _fail(services, row, error)


def _make(services: Services, row: Rendition, lease: _Lease) -> None:
    """Raises VideoRefused, NotFound, StorageFull, StorageUnavailable, Unwanted."""
    video = services.repository.video(row.video_id)
    if video is None or video.media is None:
        raise NotFound("the video was deleted, or is not known yet")
    results = result_key(row.video_id, row.job_id) if row.kind == ANNOTATED and row.job_id else None
    sources = Sources(video_key(video.id), index_key(video.id), results)
    options = from_json(row.options, RenditionOptions)

    def tick(report: Report | None) -> bool:
        return lease.renew() and not leaving.is_set() and _record_progress(services, row, report)

    settings = services.settings
    folder = Path(settings.data_dir if settings.storage_bucket else settings.storage_path)
    folder.mkdir(parents=True, exist_ok=True)
    # On the disk of the videos, since it may be large; unnamed, so that it is removed with this process.
    with tempfile.TemporaryFile(dir=folder) as target:
        media = from_json(video.media, Media)
        report = make(services.storage, sources, target, row.kind, media, options, tick)  # type: ignore[arg-type]
        if not _record_progress(services, row, report):
            raise Unwanted
        key = rendition_key(row.video_id, row.job_id, row.kind)
        with services.storage.create(key) as sink:
            target.seek(0)
            while piece := target.read(_COPY_BYTES):
                sink.write(piece)
                if not lease.renew():
                    raise Unwanted
            size = target.tell()
    values = {"frames_done": report.frames_done, "frames_total": report.frames_total, "size_bytes": size}
    done = services.repository.move_rendition(row, RenditionState.READY, content_type=report.content_type, **values)
    if not done and services.repository.rendition(row.id) is None:
        services.storage.delete(key)  # deleted meanwhile


def _record_progress(services: Services, row: Rendition, report: Report | None) -> bool:
    """Record the progress; False when the rendition is no longer wanted."""
    values = {"frames_done": report.frames_done, "frames_total": report.frames_total} if report else {}
    return services.repository.move_rendition(row, RenditionState.RUNNING, **values)


def _fail(services: Services, row: Rendition, error: WebDetectorError) -> None:
    log.warning("rendition %s (%s) failed: %s", row.id, row.kind, error.detail)
    services.repository.move_rendition(row, RenditionState.FAILED, error={"code": error.code, "detail": error.detail})
