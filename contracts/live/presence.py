"""What is known of a running stream: ingest and detector each write their part, with a TTL, about once a second."""

from typing import TypeVar

import msgspec
import redis

from contracts.live import keys
from contracts.live.streams import StreamState

TTL_SECONDS = 10
INTERVAL_SECONDS = 1.0
T = TypeVar("T", bound=msgspec.Struct)


class IngestPresence(msgspec.Struct, frozen=True, omit_defaults=True):
    """What ingest knows of a stream.

    instance: name of the ingest. reason: a Reason, empty where the state says all; detail: in a sentence, without
    address and password. since: Unix seconds of the last change of the state. fps: packets per second over the last
    seconds. kbps: of them. lag_ms: from the time that the source says to arrival, where it says one. dropped: frames
    since the start, by DropReason. reconnects: since the start. recording: id of the current one; recording_error: why
    there is none, such as "storage_full".
    """

    instance: str
    state: StreamState
    since: float
    reason: str = ""
    detail: str = ""
    codec: str = ""
    width: int = 0
    height: int = 0
    mime: str = ""
    fps: float = 0
    kbps: float = 0
    lag_ms: float | None = None
    dropped: dict[str, int] = {}
    reconnects: int = 0
    recording: str | None = None
    recording_error: str = ""


class DetectorPresence(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the detector knows of a stream.

    instance: name of the detector. fps: results per second over the last seconds. latency_ms: from arrival to the
    result, (p50, p95) over the last seconds. dropped: frames since it took the stream, by DropReason; skipped: those
    left out by max_fps. engine, precision: what infers; empty until the packets are read. error: code of a
    WebDetectorError that keeps it from analysing, with its detail.
    """

    instance: str
    fps: float = 0
    latency_ms: tuple[float, float] | None = None
    analysed: int = 0
    dropped: dict[str, int] = {}
    skipped: int = 0
    engine: str = ""
    precision: str = ""
    error: str = ""
    detail: str = ""


def write(client: "redis.Redis", stream_id: str, presence: IngestPresence | DetectorPresence) -> None:
    """Store or renew a part. Raises RedisError."""
    client.set(_key(stream_id, type(presence)), msgspec.json.encode(presence), ex=TTL_SECONDS)


def clear(client: "redis.Redis", stream_id: str, kind: type[IngestPresence] | type[DetectorPresence]) -> None:
    """Remove a part at once. Raises RedisError."""
    client.delete(_key(stream_id, kind))


def read(
    client: "redis.Redis", stream_ids: list[str]
) -> dict[str, tuple[IngestPresence | None, DetectorPresence | None]]:
    """Both parts of each stream, in one round trip. Raises RedisError."""
    if not stream_ids:
        return {}
    wanted = [_key(one, kind) for one in stream_ids for kind in (IngestPresence, DetectorPresence)]
    found: list[bytes | None] = client.mget(wanted)  # type: ignore[assignment]
    return {
        one: (_decoded(found[2 * place], IngestPresence), _decoded(found[2 * place + 1], DetectorPresence))
        for place, one in enumerate(stream_ids)
    }


def _key(stream_id: str, kind: type[msgspec.Struct]) -> str:
    return keys.ingest_presence(stream_id) if kind is IngestPresence else keys.detector_presence(stream_id)


def _decoded(data: bytes | None, kind: type[T]) -> T | None:
    try:
        return None if data is None else msgspec.json.decode(data, type=kind)
    except msgspec.DecodeError:  # written by another release
        return None
