"""Closes recordings whose ingest is gone, and files those whose task is lost."""

import logging

from contracts.coordination import names
from contracts.database.tables import Recording
from contracts.live import presence
from contracts.live.presence import IngestPresence
from contracts.live.recordings import RecordingState
from contracts.metrics.table import REAPER_FINDS
from contracts.runtime.tracing import about
from processor.context import Services
from processor.recordings.rows import RecordingRows
from processor.task_signatures import file_signature

log = logging.getLogger(__name__)

_RESEND_SECONDS = 10
_SILENT_SECONDS = 15
_ENDING_SECONDS = 600


def resend_recordings(services: Services) -> None:
    """Send again the filing of closed recordings, and close those that no ingest writes."""
    rows = RecordingRows(services.repository.engine)
    unfiled = rows.unfiled()
    open_ones = [one for one in unfiled if one.state == RecordingState.OPEN]
    known = _ingests(services, sorted({one.source_id for one in open_ones}))
    for recording in open_ones:
        seconds = _patience(recording, known.get(recording.source_id))
        if seconds is None:
            services.coordination.forget_repeats(names.silent_recording(recording.id))
        elif _is_silent(services, recording, seconds) and rows.close_lost(recording.id):
            with about(recording=recording.id, stream=recording.source_id):
                log.warning("recording %s has lost its ingest %s", recording.id, recording.instance)
            _file(services, recording)
    for recording in unfiled:
        if recording.state == RecordingState.CLOSED:
            _file(services, recording)


def _ingests(services: Services, streams: list[str]) -> dict[str, IngestPresence]:
    """What is known of the ingests that have the locks of streams. Raises RedisError."""
    known = presence.read(services.live, streams)
    held = {one for one in streams if services.coordination.is_held(names.stream_ingest(one))}
    return {one: ingest for one, (ingest, _) in known.items() if ingest is not None and one in held}


def _patience(recording: Recording, ingest: IngestPresence | None) -> float | None:
    """Seconds of silence after which an open recording is lost, None while it is written.

    The ingest of an ended one may still have to write its end, while storage or broker do not answer.
    """
    if ingest is None or ingest.instance != recording.instance:
        return _SILENT_SECONDS
    return None if ingest.recording == recording.id else _ENDING_SECONDS


def _is_silent(services: Services, recording: Recording, seconds: float) -> bool:
    """Counted and not timed: a pass after a pause, of ours or of Redis, is one pass."""
    every = services.settings.reaper_seconds
    name = names.silent_recording(recording.id)
    passes = services.coordination.count_repeats(name, str(seconds), 3 * every + _SILENT_SECONDS)
    return passes > max(1, -(-seconds // every))


def _file(services: Services, recording: Recording) -> None:
    held = services.coordination.is_held(names.recording_lease(recording.id))
    if not held and services.coordination.debounce(names.resend_recording(recording.id), _RESEND_SECONDS):
        file_signature(services, recording.id).apply_async()
        services.counts.add(REAPER_FINDS, 1, "recording")
