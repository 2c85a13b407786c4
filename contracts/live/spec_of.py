"""What is published of a stream's row."""

import msgspec

from contracts.database.tables import Stream
from contracts.live.streams import RecordingOptions, StreamOptions, StreamSpec

# Why a stream is not recorded although its user wants it, as in errors of uploads.
STORAGE_USED_UP = "storage_used_up"


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


def published(row: Stream, *, is_full: bool) -> tuple[StreamSpec, bytes]:
    """What contracts.live.registry.StreamRegistry takes: the spec and the sealed address, empty without one. is_full:
    whether the stored bytes of its user are used up, so that it is not recorded until there is room."""
    spec = spec_of(row)
    if is_full and spec.record is not None:
        spec = msgspec.structs.replace(spec, record=None, record_stopped=STORAGE_USED_UP)
    return spec, row.sealed or b""


def options_of(row: Stream) -> StreamOptions:
    """What is detected in it."""
    return msgspec.convert(row.options, StreamOptions)


def recording_options_of(row: Stream) -> RecordingOptions | None:
    """How it is recorded, None where it is not."""
    return None if row.record is None else msgspec.convert(row.record, RecordingOptions)
