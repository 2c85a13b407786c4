"""A camera on another host whose network loses packets, and whose cable is pulled; a webcam whose packets are lost."""

from itertools import pairwise
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from api.live.whip_calls import ANSWER_SECONDS, WhipCalls
from contracts.coordination.leases import Replies
from contracts.live.streams import Reason, StreamState
from tests.support.chromium import running_chromium
from tests.support.live.fake_webcam import webcam_flags, write_pictures
from tests.support.live.ingests import Ingests, ingests
from tests.support.live.whip_browser import LoopThread, leave, send_webcam
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


_SENT = """
async () => {
  const found = [...(await peer.getStats()).values()];
  return found.find(({ type }) => type === "outbound-rtp");
}
"""


def sent(page: Page) -> dict[str, Any]:
    """What the browser's sender has counted (RTCOutboundRtpStreamStats)."""
    counted: dict[str, Any] = page.evaluate(_SENT)
    return counted


def newest_key(bench: Ingests, stream_id: str) -> int:
    """The number of the newest keyframe."""
    return max((one.number for one in bench.read(stream_id) if one.key), default=0)


async def replies_of(url: str) -> Replies:
    return Replies(url, ANSWER_SECONDS)


def test_a_webcam_s_frames_go_on_while_packets_are_lost(valkey: Valkey, sample: Path, tmp_path: Path) -> None:
    """Single packets are sent again; where all were lost for a while, a keyframe is asked for."""
    flags = webcam_flags(write_pictures(sample, 60, 30, tmp_path / "webcam.y4m"))
    with (
        OtherHost() as host,
        ingests(valkey, 9, tmp_path) as bench,
        LoopThread() as loop,
        running_chromium(*flags) as browser,
    ):
        bench.start(inside=host.inside, WEBRTC_HOSTS=host.their_address)
        stream_id, page = bench.publish(kind="webrtc"), browser.new_page()
        replies = loop.run(replies_of(bench.url))
        calls = WhipCalls(bench.redis, replies)
        send_webcam(page, lambda sdp: loop.run(calls.offer(stream_id, sdp)).sdp)

        def last() -> int:
            packets = bench.read(stream_id)
            return packets[-1].number if packets else 0

        until(lambda: last() >= 30, progress=last)
        host.lose(LOST)
        until(lambda: last() >= 180, progress=last)
        until(lambda: sent(page)["retransmittedPacketsSent"] > 0)
        assert sent(page)["nackCount"] > 0
        assert set(seen_drops(bench, stream_id)) <= {"network"}

        def asked() -> bool:
            """Whether a keyframe was asked for after all packets were lost for a while. A busy encoder makes one by
            itself now and then, which ends the gap as well."""
            host.lose(1)
            before = sent(page)
            until(lambda: sent(page)["framesSent"] >= before["framesSent"] + 15)
            key = newest_key(bench, stream_id)
            host.lose(LOST)
            until(lambda: newest_key(bench, stream_id) > key)
            return bool(sent(page)["pliCount"] > before["pliCount"])

        until(asked)
        until(lambda: seen_drops(bench, stream_id).get("network", 0) > 0)
        again = last()
        until(lambda: last() >= again + 100, progress=last)
        assert state(bench, stream_id) == (StreamState.LIVE, "")
        leave(page)
        loop.run(replies.close())


def seen_drops(bench: Ingests, stream_id: str) -> Any:
    found = bench.seen(stream_id)
    return found.dropped if found else {}
