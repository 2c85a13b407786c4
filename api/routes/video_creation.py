"""Creates a video from a stored file: its row, and the probe by the processor."""

import logging
from contextlib import suppress

import anyio
from anyio.to_thread import run_sync

from api.context import Services
from api.requests.video_metadata import VideoMetadata
from api.routes import videos
from api.uploads.upload_writer import Stored
from contracts.coordination import names
from contracts.database.tables import Video
from contracts.errors import JobsRunning, NotFound, VideoRefused
from contracts.metrics.table import UPLOAD_BYTES
from contracts.runtime.tracing import about
from contracts.wire.messages import ProbeReport, decode, to_json

log = logging.getLogger(__name__)


def video_row(video_id: str, user: str, stored: Stored, facts: VideoMetadata) -> Video:
    """The row of a stored file."""
    return Video(
        id=video_id,
        user_id=user,
        name=facts.name,
        content_type=facts.content_type,
        recorded_at=facts.recorded_at,
        source=facts.source,
        tags=facts.tags,
        fps=facts.fps,
        size_bytes=stored.size_bytes,
        sha256=stored.sha256,
    )


async def probed(services: Services, video: Video) -> Video:
    """Have the processor probe a video and wait up to PROBE_WAIT_SECONDS for the report.

    Raises VideoRefused after removing the video.
    """
    with about(video=video.id):
        log.info("video %s of %d bytes is stored", video.id, video.size_bytes)
    services.counts.add(UPLOAD_BYTES, video.size_bytes)
    await run_sync(services.dispatch.probe_video, video.id)
    report = await _report(services, video.id)
    if report is None:
        return video
    if report.refused:
        await undo(video)
        raise VideoRefused(report.refused)
    video.media = to_json(report.media) if report.media else None
    return video


async def undo(video: Video) -> None:
    """Remove a video whose request fails, also one that is cancelled. One that a job has taken up stays."""
    with anyio.CancelScope(shield=True), suppress(NotFound, JobsRunning):
        await run_sync(discard, video)


def discard(video: Video) -> None:
    """Remove a video."""
    videos.delete_video(video.user_id, video.id)


async def _report(services: Services, video_id: str) -> ProbeReport | None:
    """The probe report; None when it does not arrive in time and is filled in later."""
    wait = services.settings.probe_wait_seconds
    if not wait:
        return None
    answer = await services.replies.wait_for(names.probe_reply(video_id), wait)
    return decode(answer, ProbeReport) if answer else None
