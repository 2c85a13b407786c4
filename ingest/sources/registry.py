"""The kinds of sources that ingest reads by itself. A webrtc source comes with the session of its sender."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from contracts.live.streams import Reason, StreamSpec
from contracts.network.address_rules import Network
from contracts.storage.port import Storage
from ingest.sources.http.source import HttpSource
from ingest.sources.port import Source, SourceFailed
from ingest.sources.push import PushSource
from ingest.sources.rtsp.source import RtspSource
from ingest.sources.video import VideoSource

if TYPE_CHECKING:
    import redis.asyncio


@dataclass(frozen=True, slots=True)
class Means:
    """What sources share. networks: of STREAM_ALLOW_NETWORKS. redis: for reads that wait a second. silent_seconds:
    after so long without a packet the runner connects a source anew."""

    networks: tuple[Network, ...]
    storage: Storage
    redis: "redis.asyncio.Redis"
    silent_seconds: float


Factory = Callable[[StreamSpec, str, Means], Source]

_FACTORIES: dict[str, Factory] = {
    "rtsp": lambda spec, address, means: RtspSource(address, means.networks),
    "http": lambda spec, address, means: HttpSource(address, means.networks),
    "video": lambda spec, address, means: VideoSource(spec.video_id or "", means.storage),
    # A little less, so that its own reason is told.
    "push": lambda spec, address, means: PushSource(spec.id, means.redis, 0.8 * means.silent_seconds),
}


def source_of(spec: StreamSpec, address: str, means: Means) -> Source:
    """A source that is not open yet. address: unsealed, empty for kinds without one. Raises SourceFailed."""
    factory = _FACTORIES.get(spec.kind)
    if factory is None:
        raise SourceFailed(
            Reason.SOURCE_BROKEN,
            f"this ingest reads no stream of the kind {spec.kind}, only {', '.join(_FACTORIES)}",
            permanent=True,
        )
    return factory(spec, address, means)
