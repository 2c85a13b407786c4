"""The check of live streams of `web-detector doctor`."""

from collections import Counter
from collections.abc import Sequence

from contracts.live import presence
from contracts.live.presence import DetectorPresence, IngestPresence
from contracts.live.registry import StreamRegistry
from contracts.live.streams import StreamSpec, StreamState
from contracts.settings.table import Settings
from contracts.workers.registration import IngestLoad, live_ingests
from processor.operator.doctor_checks import CheckFailed, answering_redis

_CAMERAS = ("rtsp", "http")
_Seen = tuple[IngestPresence | None, DetectorPresence | None]


def streams(settings: Settings) -> str:
    """Running streams are read and analysed, and the ingests have the settings for it. What is wrong is a warning: jobs
    work all the same."""
    with answering_redis(settings) as client:
        running = [spec for spec in StreamRegistry(client).read().values() if spec.wanted == "running"]
        seen = presence.read(client, [spec.id for spec in running])
        ingests = live_ingests(client)
    states = Counter(state_of(seen[spec.id]) for spec in running)
    counted = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    said = f"{len(running)} running" + (f": {counted}" if counted else "")
    if problem := _settings_problem(running, ingests) or _stream_problem(running, seen):
        raise CheckFailed(said, problem, bad=False)
    ports = sorted({one.udp_ports or "any" for one in ingests})
    return said + (f"; UDP ports for WebRTC: {', '.join(ports)}" if ports else "")


def state_of(seen: _Seen) -> str:
    """The state of a running stream, with the reason where it has one."""
    ingest, detector = seen
    if ingest is None:
        return "without an ingest"
    if ingest.state == StreamState.LIVE and detector is None:
        return "live without a detector"
    error = detector.error if detector and ingest.state == StreamState.LIVE else ingest.reason
    return f"{ingest.state} ({error})" if error else str(ingest.state)


def _settings_problem(running: Sequence[StreamSpec], ingests: Sequence[IngestLoad]) -> str:
    cameras = any(spec.kind in _CAMERAS for spec in running)
    without_key = [one.instance for one in ingests if not one.has_stream_key]
    if without_key:
        waits = "cameras are not read" if cameras else "cameras cannot be added"
        return f"set STREAM_SECRET_KEY for api and ingest, to the same value: {waits} by {', '.join(without_key)}"
    senders = sum(spec.kind == "webrtc" for spec in running)
    rooms = [one.udp_room for one in ingests]
    if senders and rooms and all(room is not None for room in rooms) and sum(filter(None, rooms)) < senders:
        return f"widen WEBRTC_UDP_PORTS: {senders} senders need a port each"
    return ""


def _stream_problem(running: Sequence[StreamSpec], seen: dict[str, _Seen]) -> str:
    wrong = {spec.id: state for spec in running if (state := state_of(seen[spec.id])) not in _HEALTHY}
    if not wrong:
        return ""
    named = ", ".join(f"{one} is {state}" for one, state in sorted(wrong.items())[:3])
    return f"{named}{' ...' if len(wrong) > 3 else ''}: docs/live.md says what to try for each reason"


_HEALTHY = frozenset(
    {str(StreamState.LIVE), str(StreamState.CONNECTING), f"{StreamState.CONNECTING} (waiting_for_sender)"}
)
