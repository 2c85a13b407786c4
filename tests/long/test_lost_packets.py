"""A camera on another host whose network loses packets, and whose cable is pulled."""

from itertools import pairwise
from pathlib import Path

from contracts.live.streams import Reason, StreamState
from tests.support.live.ingests import Ingests, ingests
from tests.support.servers.network import OtherHost
from tests.support.servers.processes import running
from tests.support.servers.valkey import Valkey
from tests.support.videos.clips import clip
from tests.support.waiting import until

LOST = 0.05


def state(bench: Ingests, stream_id: str) -> tuple[StreamState, str] | None:
    found = bench.seen(stream_id)
    return (found.state, found.reason) if found else None


def test_a_camera_s_frames_come_whole_and_it_is_found_again(valkey: Valkey, tmp_path: Path) -> None:
    (tmp_path / "door.mp4").write_bytes(clip(frames=250, b_frames=0).content)
    with OtherHost() as host, ingests(valkey, 9, tmp_path) as bench:
        host.lose(LOST)
        bench.start(STREAM_ALLOW_NETWORKS=f"{host.their_address}/32", STREAM_SILENT_SECONDS="3")
        with running("rtsp_server", str(tmp_path), host.their_address, inside=host.inside) as server:
            address = f"rtsp://{host.their_address}:{server.port}/door.mp4?play_count=0"
            stream_id = bench.publish(kind="rtsp", address=address)
            until(lambda: bench.packets(stream_id) >= 100, 60)
            packets = bench.read(stream_id)
            assert [one.number for one in packets] == list(range(len(packets)))
            assert not any(one.restart for one in packets[1:])
            assert {later.pts - earlier.pts for earlier, later in pairwise(packets[:100])} == {3600}
            seen = bench.seen(stream_id)
            assert seen
            assert seen.dropped == {}, "TCP sends again what was lost"
            host.cut()
            until(lambda: state(bench, stream_id) == (StreamState.RECONNECTING, Reason.UNREACHABLE), 60)
            host.mend()
            until(lambda: state(bench, stream_id) == (StreamState.LIVE, ""), 60)
