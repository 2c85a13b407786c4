"""Closes recordings whose ingest is gone, and files those whose task is lost."""

import logging

from redis import RedisError

from contracts.coordination import names
from contracts.database.tables import Recording
from contracts.live import presence
from contracts.live.recordings import RecordingState
from processor.context import Services
from processor.recordings.rows import RecordingRows
from processor.task_signatures import file_signature

log = logging.getLogger(__name__)

_RESEND_SECONDS = 10
_SILENT_SECONDS = 15


def resend_recordings(services: Services) -> None:
    """Send again the filing of closed recordings, and close those that no ingest writes."""
    rows = RecordingRows(services.repository.engine)
    unfiled = rows.unfiled()
    alive = _written(services, unfiled)
    for recording in unfiled:
        if recording.state == RecordingState.OPEN:
            if recording.id in alive:
                services.coordination.forget_repeats(names.silent_recording(recording.id))
                continue
            if not (_is_silent(services, recording) and rows.close_lost(recording.id)):
                continue
            log.warning("recording %s has lost its ingest %s", recording.id, recording.instance)
        _file(services, recording)


def _written(services: Services, recordings: list[Recording]) -> set[str]:
    """Those that an ingest says it writes, and that has its stream's lock."""
    streams = {one.source_id for one in recordings if one.state == RecordingState.OPEN}
    try:
        known = presence.read(services.live, sorted(streams))
    except RedisError:
        return {one.id for one in recordings}  # nothing is known of any
    held = {one for one in streams if services.coordination.is_held(names.stream_ingest(one))}
    return {ingest.recording for one, (ingest, _) in known.items() if one in held and ingest and ingest.recording}


def _is_silent(services: Services, recording: Recording) -> bool:
    """Counted and not timed: a pass after a pause, of ours or of Redis, is one pass."""
    every = services.settings.reaper_seconds
    seconds = 3 * every + _SILENT_SECONDS
    passes = services.coordination.count_repeats(names.silent_recording(recording.id), recording.instance, seconds)
    return passes > max(1, -(-_SILENT_SECONDS // every))


def _file(services: Services, recording: Recording) -> None:
    held = services.coordination.is_held(names.recording_lease(recording.id))
    if not held and services.coordination.debounce(names.resend_recording(recording.id), _RESEND_SECONDS):
        file_signature(services, recording.id).apply_async()
