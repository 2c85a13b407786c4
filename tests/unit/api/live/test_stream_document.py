"""The state of a stream: from what its user wants and what its ingest says."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.live.stream_document import document, situation
from contracts.database.tables import Stream
from contracts.live.presence import DetectorPresence, IngestPresence
from contracts.live.streams import Reason, StreamState

START = datetime(2026, 11, 29, 12, tzinfo=UTC)
LATER, BEFORE = START + timedelta(minutes=1), START - timedelta(minutes=1)


def row(**values: Any) -> Stream:
    fields: dict[str, Any] = {
        "id": "s",
        "user_id": "u",
        "name": "door",
        "kind": "rtsp",
        "address": "rtsp://cam/",
        "video_id": None,
    }
    fields |= {"model": "m", "options": {}, "record": None, "wanted": "running", "revision": 1}
    return Stream(**fields | {"started_at": START, "created_at": BEFORE, "stopped_at": None} | values)


def said(state: StreamState, since: datetime = LATER, **values: Any) -> IngestPresence:
    return IngestPresence(instance="i", state=state, since=since.timestamp(), **values)


@pytest.mark.parametrize(
    ("wanted", "ingest", "state", "reason", "since"),
    [
        ("running", None, "connecting", "no_ingest", START),
        ("running", said(StreamState.LIVE), "live", "", LATER),
        ("running", said(StreamState.FAILED, reason=Reason.UNAUTHORIZED), "failed", "unauthorized", LATER),
        # Of before the last start: the ingest has not heard of it yet.
        ("running", said(StreamState.FAILED, BEFORE, reason=Reason.UNAUTHORIZED), "connecting", "", START),
        ("running", said(StreamState.STOPPED, BEFORE), "connecting", "", START),
        # A stream that is connected anew keeps what its ingest says, whenever that began.
        ("running", said(StreamState.RECONNECTING, BEFORE, reason=Reason.LOST), "reconnecting", "lost", BEFORE),
        ("stopped", None, "stopped", "", LATER),
        ("stopped", said(StreamState.LIVE), "stopped", "", LATER),
    ],
)
def test_state(wanted: str, ingest: IngestPresence | None, state: str, reason: str, since: datetime) -> None:
    found = situation(row(wanted=wanted, stopped_at=LATER), ingest)
    assert (str(found.state), str(found.reason), found.since) == (state, reason, since)


def test_a_stream_that_nobody_sends_waits_for_its_sender_and_not_for_an_ingest() -> None:
    found = situation(row(kind="webrtc", address=None), None)
    assert (found.state, found.reason) == (StreamState.CONNECTING, Reason.WAITING_FOR_SENDER)


def test_drops_of_ingest_and_detector_are_added_by_reason() -> None:
    ingest = said(StreamState.LIVE, dropped={"network": 2, "behind": 1})
    detector = DetectorPresence(instance="d", fps=9.876, latency_ms=(40.04, 80.06), dropped={"behind": 3})
    live = document(row(), ingest, detector)["live"]
    assert live["dropped"] == {"behind": 4, "network": 2}
    assert (live["fps_out"], live["latency_ms"], live["detector_error"]) == (9.88, [40.0, 80.1], None)


def test_a_detector_that_cannot_analyse_says_why() -> None:
    detector = DetectorPresence(instance="d", error="model_broken", detail="the file is missing")
    live = document(row(), None, detector)["live"]
    assert live["detector_error"] == {"code": "model_broken", "detail": "the file is missing"}
