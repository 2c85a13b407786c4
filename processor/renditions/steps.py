"""Renders requested renditions, the users by turns. Idempotent: each is rendered once."""

import logging
import tempfile
import threading
from contextlib import AbstractContextManager
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from contracts.coordination import names
from contracts.database.tables import Rendition
from contracts.errors import NotFound, StorageFull, StorageUnavailable, VideoRefused, WebDetectorError
from contracts.results.tracks import TracksState, TracksStep
from contracts.runtime import tracing
from contracts.runtime.steps import fail, step
from contracts.storage.port import index_key, result_key, tracks_key, video_key
from contracts.storage.renditions import key_of
from contracts.wire.messages import Media, from_json
from contracts.wire.renditions import KNOWN_KINDS, PICTURES, UNFINISHED, RenditionOptions, RenditionState
from media.child_output import ChildKilled
from processor.context import Services
from processor.core.fair_share import next_copies
from processor.renditions.ask import Sources, SourceVideo, Unwanted, make
from processor.renditions.protocol import Report
from processor.task_signatures import render_signature
from processor.tries import TRIES_SECONDS, note_error
from processor.user_share import Leases, leased, send_waiting

log = logging.getLogger(__name__)

MOST_TRIES = 3
_COPY_BYTES = 1024 * 1024
_LOOKED_AT = 5  # of the queued copies of a user

# Set when this process shuts down: another process then takes over its rendition.
leaving = threading.Event()


def render(services: Services, rendition_id: str) -> None:
    """Make a poster, unless it is finished, leased by another process, or its user's share is used up; or the copy
    whose turn it is, whichever the message names.

    Raises StorageUnavailable; the reaper then sends it again."""
    row = services.repository.rendition(rendition_id)
    if row is None:
        return
    if row.kind != "poster":
        _render_next_copy(services, rendition_id)
    elif row.state in UNFINISHED and _render(services, row, row.user_id):
        send_waiting(services, row.user_id)


def _render_next_copy(services: Services, asked_for: str) -> None:
    waiting, running = list[Rendition](), list[Rendition]()
    for row in services.repository.unfinished_renditions(None, _LOOKED_AT):
        if row.kind != "poster" and row.kind in KNOWN_KINDS:
            held = services.coordination.is_held(names.rendition_lease(row.id))
            (running if held else waiting).append(row)
    turns = services.coordination.last_turns(names.RENDER_TURNS, sorted({row.user_id for row in waiting}))
    asked = [row for row in waiting if row.kind != PICTURES]  # someone waits for these
    pictures = [row for row in waiting if row.kind == PICTURES and _has_settled_tracks(services, row)]
    for row in (*next_copies(asked, running, turns), *next_copies(pictures, running, turns)):
        # Another one than the message names is a step of no request that is known here.
        with tracing.within(tracing.current() if row.id == asked_for else None):
            is_rendered = _render(services, row, None)
        if is_rendered:
            left = services.repository.rendition(row.id)
            if (
                left is not None and left.state == RenditionState.QUEUED
            ):  # interrupted by a shutdown, or requested again
                render_signature(services, left).apply_async()
            return


def _has_settled_tracks(services: Services, row: Rendition) -> bool:
    """Whether the tracks of a rendition's job are not about to be replaced."""
    job = services.repository.job(row.job_id or "")
    return job is None or not job.tracks or from_json(job.tracks, TracksState).state is not TracksStep.QUEUED


def _render(services: Services, row: Rendition, sharing: str | None) -> bool:
    """Make a rendition; False when another process has its lease, or the share of the user is used up."""
    with leased(services, names.rendition_lease(row.id), sharing) as held:
        if held is None:
            return False
        if sharing is None:
            services.coordination.note_turn(names.RENDER_TURNS, row.user_id)
        with _about(row), step("rendition", begins=True, rendition_kind=row.kind):
            _under_lease(services, row, held)
    return True


def _about(row: Rendition) -> AbstractContextManager[None]:
    """Log lines are about a rendition, whichever the message named."""
    return tracing.about(rendition=row.id, video=row.video_id, **({"job": row.job_id} if row.job_id else {}))


def _under_lease(services: Services, row: Rendition, held: Leases) -> None:
    tries = names.rendition_attempts(row.id, row.created_at)
    tried = services.coordination.count(tries, TRIES_SECONDS)
    if tried > MOST_TRIES:
        detail = f"it could not be made in {MOST_TRIES} tries: the log of the renderer says more"
        _fail(services, row, VideoRefused(detail))
        return
    try:
        if services.repository.move_rendition(row, RenditionState.RUNNING, frames_done=0):
            _make(services, row, held)
    except Unwanted:
        if leaving.is_set():
            services.coordination.reset_count(tries)
            services.repository.move_rendition(row, RenditionState.QUEUED)
    except ChildKilled as error:  # a try that counts: the reaper sends it again
        log.warning("rendition %s (%s) is not made yet: %s", row.id, row.kind, error.detail)
        fail(error.code)
    except (VideoRefused, NotFound, StorageFull) as error:
        _fail(services, row, error)
    except StorageUnavailable:  # it says nothing about the rendition
        services.coordination.reset_count(tries)
        raise
    except SQLAlchemyError as error:
        note_error(services, error, tries, names.rendition_lease(row.id), tried, MOST_TRIES)
        raise


def _make(services: Services, row: Rendition, held: Leases) -> None:
    """Raises VideoRefused, NotFound, StorageFull, StorageUnavailable, ChildKilled, Unwanted."""
    video = services.repository.video(row.video_id)
    if video is None or video.media is None:
        raise NotFound("the video was deleted, or is not known yet")
    options = from_json(row.options, RenditionOptions)
    sources = _sources(row, _reel_videos(services, options))

    def tick(report: Report | None) -> bool:
        return held.renew() and not leaving.is_set() and _record_progress(services, row, report)

    settings = services.settings
    folder = Path(settings.data_dir if settings.storage_bucket else settings.storage_path)
    folder.mkdir(parents=True, exist_ok=True)
    # On the disk of the videos, since it may be large; unnamed, so that it is removed with this process.
    with tempfile.TemporaryFile(dir=folder) as target:
        media = from_json(video.media, Media)
        report = make(services.storage, sources, target, row.kind, media, options, tick)  # type: ignore[arg-type]
        if not _record_progress(services, row, report):
            raise Unwanted
        key = key_of(row.id, row.video_id, row.job_id, row.kind)
        with services.storage.create(key) as sink:
            target.seek(0)
            while piece := target.read(_COPY_BYTES):
                sink.write(piece)
                if not held.renew():
                    raise Unwanted
            size = target.tell()
    values = {"frames_done": report.frames_done, "frames_total": report.frames_total, "size_bytes": size}
    done = services.repository.move_rendition(row, RenditionState.READY, content_type=report.content_type, **values)
    if done:
        log.info("rendition %s (%s) is ready: %d bytes", row.id, row.kind, size)
    elif services.repository.rendition(row.id) is None:
        services.storage.delete(key)  # deleted meanwhile


def _reel_videos(services: Services, options: RenditionOptions) -> tuple[SourceVideo, ...]:
    """The videos of a reel; none for other renditions. Raises NotFound."""
    found = []
    for video_id in dict.fromkeys(piece.video_id for piece in (options.reel.pieces if options.reel else ())):
        video = services.repository.video(video_id)
        if video is None or video.media is None:
            raise NotFound("a video of the reel was deleted")
        found.append(SourceVideo(video.id, from_json(video.media, Media)))
    return tuple(found)


def _sources(row: Rendition, videos: tuple[SourceVideo, ...]) -> Sources:
    video, index = video_key(row.video_id), index_key(row.video_id)
    if row.job_id is None:
        return Sources(video, index, videos=videos)
    results, tracks = result_key(row.video_id, row.job_id), tracks_key(row.video_id, row.job_id)
    match row.kind:
        case "pictures":
            return Sources(video, index, tracks=tracks)
        case "blurred":
            return Sources(video, index, results, tracks)
        case _:
            return Sources(video, index, results)


def _record_progress(services: Services, row: Rendition, report: Report | None) -> bool:
    """Record the progress; False when the rendition is no longer wanted."""
    values = {"frames_done": report.frames_done, "frames_total": report.frames_total} if report else {}
    return services.repository.move_rendition(row, RenditionState.RUNNING, **values)


def _fail(services: Services, row: Rendition, error: WebDetectorError) -> None:
    log.warning("rendition %s (%s) failed: %s", row.id, row.kind, error.detail)
    fail(error.code)
    services.repository.move_rendition(row, RenditionState.FAILED, error={"code": error.code, "detail": error.detail})
