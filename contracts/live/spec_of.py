"""What is published of a stream's row."""

import msgspec

from contracts.database.tables import Stream
from contracts.live.streams import RecordingOptions, StreamOptions, StreamSpec


def spec_of(row: Stream) -> StreamSpec:
    """The row as ingest and detectors see it. Raises msgspec.ValidationError for a row of a later release."""
    fields = {
        "id": row.id,
        "user_id": row.user_id,
        "kind": row.kind,
        "revision": row.revision,
        "started_at": row.started_at.timestamp(),
        "model": row.model,
        "options": options_of(row),
        "record": recording_options_of(row),
        "wanted": row.wanted,
        "video_id": row.video_id,
        "created_at": row.created_at.timestamp(),
    }
    return msgspec.convert(fields, StreamSpec)


def published(row: Stream) -> tuple[StreamSpec, bytes]:
    """What contracts.live.registry.StreamRegistry takes: the spec and the sealed address, empty without one."""
    return spec_of(row), row.sealed or b""


def options_of(row: Stream) -> StreamOptions:
    """What is detected in it."""
    return msgspec.convert(row.options, StreamOptions)


def recording_options_of(row: Stream) -> RecordingOptions | None:
    """How it is recorded, None where it is not."""
    return None if row.record is None else msgspec.convert(row.record, RecordingOptions)
