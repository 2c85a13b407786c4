"""What ingest says of its recordings. A message may come twice, late, or never: then the reaper closes a recording."""

from contracts.live.recordings import RecordingClosed, RecordingOpened
from processor.context import Services
from processor.recordings.filing import file_recording
from processor.recordings.rows import RecordingRows


def open_recording(services: Services, message: RecordingOpened) -> None:
    """A recording has begun."""
    RecordingRows(services.repository.engine).open(message)


def close_recording(services: Services, message: RecordingClosed) -> None:
    """A recording has ended: make a video of it. One that is not known is left to the clean-up."""
    rows = RecordingRows(services.repository.engine)
    if message.opened is not None:
        rows.open(message.opened)
    rows.close(message)
    file_recording(services, message.id)
