"""What ingest says of its recordings. A message may come twice, late, or never: then the reaper closes a recording."""

from contracts.errors import StorageUnavailable
from contracts.live.recordings import RecordingClosed, RecordingOpened, recording_key
from processor.context import Services
from processor.recordings.filing import file_recording
from processor.recordings.rows import RecordingRows


def open_recording(services: Services, message: RecordingOpened) -> None:
    """A recording has begun."""
    RecordingRows(services.repository.engine).open(message)


def close_recording(services: Services, message: RecordingClosed) -> None:
    """A recording has ended: make a video of it. One that is not known is left to the clean-up."""
    rows = RecordingRows(services.repository.engine)
    if message.opened is not None and rows.get(message.id) is None and _is_stored(services, message):
        rows.open(message.opened)
    rows.close(message)
    file_recording(services, message.id)


def _is_stored(services: Services, message: RecordingClosed) -> bool:
    """Whether something of it is in the storage, or may be: nothing is after it was deleted, and it must not come
    back."""
    try:
        return services.storage.resumable().size(recording_key(message.stream_id, message.id)) > 0
    except StorageUnavailable:  # for now; the message does not come again
        return True
