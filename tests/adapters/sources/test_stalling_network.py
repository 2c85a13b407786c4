"""A camera behind a network that passes its packets on in fits and starts: TCP loses none, so nor does the ingest."""

from itertools import cycle, pairwise
from pathlib import Path

from contracts.live.streams import Reason
from ingest.sources.port import SourceConfig, SourcePacket
from tests.support.live.live_sources import Feed, decoded, some, with_source
from tests.support.servers.processes import running
from tests.support.servers.proxy import Proxy
from tests.support.servers.valkey import Valkey
from tests.support.videos.clips import clip

PACKETS = 40


def test_frames_come_later_and_whole(tmp_path: Path, valkey: Valkey) -> None:
    (tmp_path / "h264.mp4").write_bytes(clip(frames=50, b_frames=0).content)
    pauses = cycle((0, 0.02, 0, 0.4, 0.05, 0))  # seconds
    with (
        running("rtsp_server", str(tmp_path)) as server,
        Proxy(server.port, pause=lambda: next(pauses)) as network,
    ):
        address = f"rtsp://127.0.0.1:{network.port}/h264.mp4?play_count=0"
        feed = Feed("rtsp", address, server.kill, server.freeze, Reason.LOST, network.port)
        config, *items = with_source(feed, tmp_path, valkey, lambda source: some(source, PACKETS + 1))
    assert isinstance(config, SourceConfig)
    packets = [one for one in items if isinstance(one, SourcePacket)]
    assert len(packets) == PACKETS
    assert packets[0].key
    assert [one.lost for one in packets] == [0] * PACKETS
    times = [one.pts for one in packets if one.pts is not None]
    assert {later - earlier for earlier, later in pairwise(times)} == {3600}, "the camera's own, not those of arrival"
    assert decoded(config, packets) >= PACKETS - 5  # the last ones may belong to a later picture
