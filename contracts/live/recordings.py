"""Messages about recordings, from ingest to the processor (tasks OPEN_RECORDING and CLOSE_RECORDING).

While it is recorded, a recording is a resumable object in the storage (`recording_key`): the initialisation segment and
the media fragments as they came. The processor turns it into an ordinary video with results.
"""

import struct
from enum import StrEnum

import msgspec

# A stream of JPEGs is recorded as this, then JPEG_RECORD (pts in ticks, bytes) and the JPEG for each frame.
JPEG_MAGIC = b"WDJPEG1\n"
JPEG_RECORD = struct.Struct(">QI")


class RecordingState(StrEnum):
    """State of a recording: see contracts.database.tables.Recording."""

    OPEN = "open"
    CLOSED = "closed"
    FILED = "filed"
    FAILED = "failed"


class RecordingEnd(StrEnum):
    """Why a recording ended."""

    ROLLED = "rolled"  # it had its length
    STOPPED = "stopped"  # the stream was stopped, or recording switched off
    LOST = "lost"  # the source was lost
    CODEC_CHANGED = "codec_changed"
    STORAGE_FULL = "storage_full"
    HANDED_OVER = "handed_over"  # the ingest was stopped in order, or gave the stream to another one
    INGEST_LOST = "ingest_lost"  # the ingest ended unexpectedly


class RecordingOpened(msgspec.Struct, frozen=True):
    """id: a new UUID. start: pts of its first packet (a keyframe) in ticks of the stream clock. started_at: wall clock
    of that packet, Unix seconds."""

    id: str
    stream_id: str
    user_id: str
    start: int
    started_at: float
    instance: str


class RecordingClosed(msgspec.Struct, frozen=True):
    """end: pts of its last packet plus its duration, 0 where it is not known. frames, size_bytes: what was written. The
    object in the storage is complete then. opened: the message before it, which may be lost."""

    id: str
    stream_id: str
    end: int
    frames: int
    size_bytes: int
    reason: RecordingEnd
    opened: RecordingOpened | None = None


def recording_key(stream_id: str, recording_id: str) -> str:
    """Storage key of a recording before it is a video."""
    return f"streams/{stream_id}/{recording_id}"
