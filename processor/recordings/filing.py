"""Files closed recordings: a video, its probe, and a job with the results that were made live.

Each step looks at what is there, so that whatever a killed process has done is not done again, or done again to the
same effect. The object in the storage goes last but one, the state last.
"""

import hashlib
import logging
import tempfile
from pathlib import Path
from typing import BinaryIO

from redis import RedisError
from sqlalchemy.exc import SQLAlchemyError

from contracts.coordination import names
from contracts.database.tables import Recording, Video
from contracts.errors import NotFound, StorageFull, Unavailable, VideoRefused, WebDetectorError
from contracts.live.recordings import RecordingState, recording_key
from contracts.runtime.tracing import about
from contracts.storage.port import video_key
from media.child_output import ChildKilled
from processor.context import Services
from processor.jobs.probing import probe_video
from processor.recordings.ask import make_video
from processor.recordings.results import Unsettled, add_job
from processor.recordings.rows import RecordingRows, at
from processor.tries import TRIES_SECONDS, note_error
from processor.user_share import Leases, leased

log = logging.getLogger(__name__)

MOST_TRIES = 5
_COPY_BYTES = 1024 * 1024


class _Taken(Exception):
    """Another process has taken the work over."""


def file_recording(services: Services, recording_id: str) -> None:
    """Make a video with results of a closed recording. Does nothing while another process does, or when it is done.

    What cannot be done for now is left to the reaper; what fails for good, or again and again, makes the recording
    failed, and keeps its object.
    """
    rows = RecordingRows(services.repository.engine)
    with leased(services, names.recording_lease(recording_id)) as held:
        recording = rows.get(recording_id)
        if held is None or recording is None or recording.state != RecordingState.CLOSED:
            return
        with about(recording=recording.id, stream=recording.source_id):
            _try(services, rows, recording, held)


def _try(services: Services, rows: RecordingRows, recording: Recording, held: Leases) -> None:
    tries = names.recording_attempts(recording.id)
    tried = services.coordination.count(tries, TRIES_SECONDS)
    if tried > MOST_TRIES:
        detail = f"it could not be filed in {MOST_TRIES} tries: the log of the processor says more"
        _fail(services, rows, recording, VideoRefused(detail))
        return
    try:
        _file(services, rows, recording, held)
    except ChildKilled as error:  # a try that counts
        log.warning("recording %s cannot be filed for now: %s", recording.id, error.detail)
        return
    except (StorageFull, Unavailable) as error:
        log.warning("recording %s cannot be filed for now: %s", recording.id, error.detail)
        rows.note_error(recording.id, {"code": error.code, "detail": error.detail})
    except (Unsettled, _Taken, RedisError) as error:
        log.info("recording %s waits: %s", recording.id, error)
    except WebDetectorError as error:
        _fail(services, rows, recording, error)
    except SQLAlchemyError as error:
        note_error(services, error, tries, names.recording_lease(recording.id), tried, MOST_TRIES)
        raise
    services.coordination.reset_count(tries)


def _file(services: Services, rows: RecordingRows, recording: Recording, held: Leases) -> None:
    key = recording_key(recording.source_id, recording.id)
    if recording.video_id is None:
        if not _store_video(services, rows, recording, key, held):
            return
        recording = rows.get(recording.id) or recording
    probe_video(services, recording.id)
    video = services.repository.video(recording.id)
    if video is None:
        return
    if video.refused is not None:
        raise VideoRefused(video.refused)
    if video.media is None:
        raise Unsettled("its video is not probed yet")
    held.renew()
    add_job(services, rows, recording, video, lambda: services.storage.delete(key))


def _store_video(services: Services, rows: RecordingRows, recording: Recording, key: str, held: Leases) -> bool:
    """Make the video, whose id is that of the recording; False when the recording was deleted."""
    try:
        services.storage.resumable().finish(key)
    except NotFound:
        raise VideoRefused("nothing of the recording was written") from None
    settings = services.settings
    folder = Path(settings.data_dir if settings.storage_bucket else settings.storage_path)
    folder.mkdir(parents=True, exist_ok=True)
    # On the disk of the videos, since it may be large; unnamed, so that it is removed with this process.
    with tempfile.TemporaryFile(dir=folder) as target:
        report = make_video(services.storage, key, target, held.renew)
        target.seek(0)
        sha256, size = _copy(services, target, video_key(recording.id), held)
    facts = {"start": report.start, "end": report.end, "frames": report.frames, "size_bytes": size}
    began = at(recording, report.start)
    stream = rows.stream(recording.stream_id)
    video = Video(
        id=recording.id,
        user_id=recording.user_id,
        name=f"{stream.name if stream else 'Stream'} {began:%Y-%m-%d %H:%M:%S}"[-255:],
        content_type="video/mp4",
        recorded_at=began,
        source=f"stream:{recording.source_id}",
        tags=[],
        size_bytes=size,
        sha256=sha256,
    )
    times = {"started_at": began, "ended_at": at(recording, report.end)}
    if rows.add_video(recording, video, **facts, **times):
        return True
    services.storage.delete(video_key(recording.id))
    services.storage.delete(key)
    return False


def _copy(services: Services, source: BinaryIO, key: str, held: Leases) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with services.storage.create(key) as sink:
        while piece := source.read(_COPY_BYTES):
            sink.write(piece)
            digest.update(piece)
            size += len(piece)
            if not held.renew():
                raise _Taken("another process files it")
    return digest.hexdigest(), size


def _fail(services: Services, rows: RecordingRows, recording: Recording, error: WebDetectorError) -> None:
    """Raises StorageUnavailable."""
    log.warning("recording %s of stream %s failed: %s", recording.id, recording.source_id, error.detail)
    size = services.storage.resumable().size(recording_key(recording.source_id, recording.id))
    rows.fail(recording.id, {"code": error.code, "detail": error.detail}, size)
