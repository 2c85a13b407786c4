"""Streams as JSON of the API: the rows, and what ingest and detector say of them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import redis

from api.web.representations import PREFIX
from contracts.database.tables import Stream
from contracts.live import presence
from contracts.live.presence import DetectorPresence, IngestPresence
from contracts.live.spec_of import options_of, recording_options_of
from contracts.live.streams import Reason, StreamState

_NO_SENDER = "no camera is sending: begin to send from the device that has one"
_NO_INGEST = "no ingest has taken the stream yet; if it stays so, none is running"


class Situation(msgspec.Struct, frozen=True):
    """The state of a stream. since: of its last change."""

    state: StreamState
    since: datetime
    reason: Reason | str = ""
    detail: str = ""


def documents(client: "redis.Redis", rows: Sequence[Stream]) -> list[dict[str, Any]]:
    """Streams with their states, all of which are read in one round trip. Raises RedisError."""
    seen = presence.read(client, [row.id for row in rows])
    return [document(row, *seen[row.id]) for row in rows]


def situation(row: Stream, ingest: IngestPresence | None) -> Situation:
    """The state of a stream, from what its user wants and what its ingest says. Pure."""
    if row.wanted == "stopped":
        return Situation(StreamState.STOPPED, row.stopped_at or row.created_at)
    if ingest is None and row.kind == "webrtc":  # an ingest has it only while a sender is there
        return Situation(StreamState.CONNECTING, row.started_at, Reason.WAITING_FOR_SENDER, _NO_SENDER)
    if ingest is None:
        return Situation(StreamState.CONNECTING, row.started_at, Reason.NO_INGEST, _NO_INGEST)
    since = datetime.fromtimestamp(ingest.since, UTC)
    ended = ingest.state in (StreamState.FAILED, StreamState.STOPPED)
    if ended and since < row.started_at:  # before the last start, of which the ingest hears within a second
        return Situation(StreamState.CONNECTING, row.started_at)
    return Situation(ingest.state, since, ingest.reason, ingest.detail)


def document(row: Stream, ingest: IngestPresence | None, detector: DetectorPresence | None) -> dict[str, Any]:
    """A stream. ingest, detector: what they say now, None for nothing. Pure."""
    found = situation(row, ingest)
    record = recording_options_of(row)
    return {
        "id": row.id,
        "name": row.name,
        "kind": row.kind,
        "url": row.address,
        "video_id": row.video_id,
        "model": row.model,
        "options": msgspec.structs.asdict(options_of(row)),
        "record": None if record is None else msgspec.structs.asdict(record),
        "wanted": row.wanted,
        "state": str(found.state),
        "reason": str(found.reason) or None,
        "detail": found.detail or None,
        "since": found.since,
        "live": live_document(ingest, detector),
        "started_at": row.started_at,
        "created_at": row.created_at,
        "links": _links(row),
    }


def live_document(ingest: IngestPresence | None, detector: DetectorPresence | None) -> dict[str, Any]:
    """What is known of a running stream. Pure."""
    taken = ingest or IngestPresence(instance="", state=StreamState.CONNECTING, since=0)
    seen = detector or DetectorPresence(instance="")
    reasons = sorted({*taken.dropped, *seen.dropped})
    return {
        "codec": taken.codec or None,
        "mime": taken.mime or None,
        "width": taken.width or None,
        "height": taken.height or None,
        "fps_in": round(taken.fps, 2),
        "fps_out": round(seen.fps, 2),
        "kbps": round(taken.kbps, 1),
        "latency_ms": None if seen.latency_ms is None else [round(one, 1) for one in seen.latency_ms],
        "lag_ms": None if taken.lag_ms is None else round(taken.lag_ms, 1),
        "dropped": {reason: taken.dropped.get(reason, 0) + seen.dropped.get(reason, 0) for reason in reasons},
        "skipped": seen.skipped,
        "reconnects": taken.reconnects,
        "recording": taken.recording,
        "recording_error": taken.recording_error or None,
        "ingest": taken.instance or None,
        "detector": seen.instance or None,
        "detector_error": {"code": seen.error, "detail": seen.detail} if seen.error else None,
    }


def _links(row: Stream) -> dict[str, str]:
    path = f"{PREFIX}/streams/{row.id}"
    names = ["start", "stop", "ws", "results", "recordings", "snapshot"]
    names += [name for kind, name in (("webrtc", "whip"), ("push", "frames")) if row.kind == kind]
    return {"self": path, **{name: f"{path}/{name}" for name in names}}
