"""A WebRTC sender against a session of the ingest, over real sockets."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import pytest
from aiortc.rtp import RtpPacket

from contracts.errors import Malformed, NoMediaPort, OfferRefused, WebDetectorError
from contracts.live.streams import Reason
from ingest.sources.port import SourceConfig, SourceFailed, SourcePacket
from ingest.webrtc import packet_queue, session
from ingest.webrtc.endpoints import Network
from ingest.webrtc.receiver import PassThroughReceiver
from ingest.webrtc.session import WhipSession
from ingest.webrtc.source import WebrtcSource
from tests.support.live.whip_sender import LOOPBACK, STEP, WhipSender

T = TypeVar("T")


def run(scenario: Callable[[], Awaitable[T]]) -> T:
    """Run it; nothing may be left behind."""

    async def alone() -> T:
        async with asyncio.timeout(120):  # only there so that a test ends
            result = await scenario()
            while len(asyncio.all_tasks()) > 1:
                await asyncio.sleep(0.01)
        return result

    return asyncio.run(alone())


@asynccontextmanager
async def connected(sender: WhipSender, network: Network = LOOPBACK) -> AsyncIterator[WebrtcSource]:
    """A session with this sender as an open source."""
    whip = WhipSession(network)
    source = WebrtcSource(whip)
    try:
        await sender.take(await whip.answer(await sender.offer()))
        await source.open()
        yield source
    finally:
        await source.close()


async def next_packet(source: WebrtcSource) -> SourcePacket:
    while isinstance(item := await source.read(), SourceConfig):
        pass
    return item


async def keep_sending(sender: WhipSender) -> None:
    while True:
        sender.send()
        await asyncio.sleep(0.01)


@asynccontextmanager
async def sending(sender: WhipSender) -> AsyncIterator[None]:
    task = asyncio.create_task(keep_sending(sender))
    try:
        yield
    finally:
        task.cancel()


def test_each_frame_comes_before_the_next_one_is_taken() -> None:
    async def scenario() -> list[SourceConfig | SourcePacket]:
        async with WhipSender() as sender, connected(sender) as source:
            items = []
            for number in range(1, 5):
                sender.send()
                if number == 1:
                    items.append(await source.read())
                items.append(await source.read())
                assert sender.track.sent == number
            return items

    config, *packets = run(scenario)
    assert isinstance(config, SourceConfig)
    assert (config.codec, config.width, config.height) == ("h264", 320, 240)
    times = [packet.pts for packet in packets if isinstance(packet, SourcePacket)]
    assert [(at or 0) - (times[0] or 0) for at in times] == [0, STEP, 2 * STEP, 3 * STEP]
    assert [packet.key for packet in packets if isinstance(packet, SourcePacket)] == [True, False, False, False]


def test_the_senders_clock_is_told_once_it_has_reported() -> None:
    async def scenario() -> float:
        async with WhipSender() as sender, connected(sender) as source, sending(sender):
            while (packet := await next_packet(source)).wall is None:
                pass
            return packet.arrival - packet.wall

    assert -1 < run(scenario) < 1


def test_a_new_size_comes_as_a_new_configuration() -> None:
    async def scenario() -> list[tuple[int, int]]:
        async with WhipSender() as sender, connected(sender) as source, sending(sender):
            sizes: list[tuple[int, int]] = []
            while len(sizes) < 2:
                item = await source.read()
                if isinstance(item, SourceConfig):
                    sizes.append((item.width, item.height))
                sender.track.size = (160, 120)
            return sizes

    assert run(scenario) == [(320, 240), (160, 120)]


def test_after_a_lost_frame_a_keyframe_is_asked_for_and_what_is_lost_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    times: list[int] = []
    handle = PassThroughReceiver._handle_rtp_packet

    async def lossy(self: PassThroughReceiver, packet: RtpPacket, arrival_time_ms: int) -> None:
        original = self._original(packet)
        if original is not None and original.timestamp not in times:
            times.append(original.timestamp)
        if original is None or times.index(original.timestamp) != 3:  # the fourth frame never gets through
            await handle(self, packet, arrival_time_ms)

    monkeypatch.setattr(PassThroughReceiver, "_handle_rtp_packet", lossy)
    monkeypatch.setattr("ingest.webrtc.receiver.ASK_SECONDS", 30)

    async def scenario() -> list[SourcePacket]:
        async with WhipSender() as sender, connected(sender) as source, sending(sender):
            packets = [await next_packet(source) for _ in range(6)]
            assert sender.asked == 1
            return packets

    packets = run(scenario)
    numbers = [((packet.pts or 0) - (packets[0].pts or 0)) // STEP for packet in packets]
    assert numbers[:3] == [0, 1, 2]
    assert [packet.key for packet in packets[:4]] == [True, False, False, True]
    assert packets[3].lost == numbers[3] - 3
    assert not any(packet.lost for packet in (*packets[:3], *packets[4:]))


def test_a_reader_that_is_too_slow_costs_no_memory_and_goes_on_at_a_keyframe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packet_queue, "MOST_PACKETS", 5)

    async def scenario() -> SourcePacket:
        async with WhipSender() as sender:
            whip = WhipSession(LOOPBACK)
            try:
                await sender.take(await whip.answer(await sender.offer()))
                await whip.connected()
                async with sending(sender):
                    while sender.track.sent < 60:
                        assert len(whip._queue._items) <= 5
                        await asyncio.sleep(0.01)
                    source = WebrtcSource(whip)
                    while not (packet := await next_packet(source)).lost:
                        pass
                assert sender.asked
                return packet
            finally:
                await whip.close()

    resumed = run(scenario)
    assert resumed.key
    assert resumed.lost > 5


def test_a_stream_has_a_keyframe_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.webrtc.receiver.KEYFRAME_SECONDS", 0.1)
    monkeypatch.setattr("ingest.webrtc.receiver.ASK_SECONDS", 0.05)

    async def scenario() -> None:
        async with WhipSender() as sender, connected(sender) as source, sending(sender):
            keys = 0
            while sender.asked < 3 or keys < 3:
                keys += (await next_packet(source)).key

    run(scenario)


@pytest.mark.parametrize("leave", ["the sender", "the api"])
def test_a_sender_that_leaves_is_waited_for_and_frees_its_port(leave: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    network = Network(("127.0.0.1",), (port, port))

    async def scenario() -> SourceFailed:
        async with WhipSender() as sender, connected(sender, network) as source:
            sender.send()
            await next_packet(source)
            if leave == "the sender":
                await sender.close()
            else:
                source._session.end("ended")
            with pytest.raises(SourceFailed) as caught:
                await next_packet(source)
            return caught.value

    for _ in range(2):  # the second one has the same port
        assert run(scenario).reason is Reason.WAITING_FOR_SENDER


def test_a_way_that_is_not_found_says_what_to_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "CONNECT_SECONDS", 0.05)

    async def scenario() -> SourceFailed:
        async with WhipSender() as sender:
            whip = WhipSession(LOOPBACK)
            source = WebrtcSource(whip)
            await whip.answer(await sender.offer())  # which the sender never gets
            try:
                with pytest.raises(SourceFailed) as caught:
                    await source.open()
            finally:
                await source.close()
            return caught.value

    failure = run(scenario)
    assert failure.reason is Reason.ICE_FAILED
    assert "WEBRTC_UDP_PORTS" in str(failure)


@pytest.mark.parametrize("profile", ["42e01f", "42001f", "4d001f", "640c1f", "640028"])
def test_every_profile_that_browsers_play_is_agreed_on(profile: str) -> None:
    async def scenario() -> str:
        async with WhipSender() as sender:
            whip = WhipSession(LOOPBACK)
            try:
                sdp = re.sub(r"profile-level-id=\w+", f"profile-level-id={profile}", await sender.offer())
                return await whip.answer(sdp)
            finally:
                await whip.close()

    answer = run(scenario)
    assert f"profile-level-id={profile[:4]}" in answer
    assert "VP8" not in answer


def test_baseline_comes_first_where_several_are_offered_and_sound_is_declined() -> None:
    async def scenario() -> str:
        async with WhipSender(sound=True) as sender:
            sdp = await sender.offer()
            first = sdp.index("profile-level-id=42")
            sdp = sdp[:first] + "profile-level-id=640c1f" + sdp[first + 23 :]
            whip = WhipSession(LOOPBACK)
            try:
                answer = await whip.answer(sdp)
                await sender.take(answer)
                await whip.connected()
                sender.send()
                source = WebrtcSource(whip)
                assert (await next_packet(source)).key
                return answer
            finally:
                await whip.close()

    answer = run(scenario)
    sound, _, picture = answer.partition("m=video")
    assert "a=inactive" in sound
    assert "a=recvonly" in picture
    assert answer.index("profile-level-id=42") < answer.index("profile-level-id=64")


def refused(change: Callable[[str], str], network: Network = LOOPBACK, codec: str = "video/H264") -> WebDetectorError:
    async def scenario() -> WebDetectorError:
        async with WhipSender(codec) as sender:
            whip = WhipSession(network)
            try:
                with pytest.raises(WebDetectorError) as caught:
                    await whip.answer(change(await sender.offer()))
            finally:
                await whip.close()
            return caught.value

    return run(scenario)


def test_vp8_alone_is_refused_and_h264_is_asked_for() -> None:
    error = refused(lambda sdp: sdp, codec="video/VP8")
    assert isinstance(error, OfferRefused)
    assert "VP8" in error.detail
    assert "offer H.264" in error.detail


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda _: "", OfferRefused),
        (lambda _: "v=0\r\nm=video x\r\n", Malformed),
        (lambda _: "\0" * 100, OfferRefused),
        (lambda sdp: sdp + "a=" + "x" * 70_000, Malformed),
        (lambda sdp: sdp.replace("a=sendonly", "a=recvonly"), OfferRefused),
        (lambda sdp: sdp.replace("a=setup:actpass", "a=x"), Malformed),
        (lambda sdp: sdp.replace("a=fingerprint", "a=x"), Malformed),
        (lambda sdp: sdp.replace("a=ice-pwd", "a=x"), OfferRefused),
        (lambda sdp: sdp.replace("a=rtcp-mux", "a=x"), OfferRefused),
        (lambda sdp: sdp.replace("packetization-mode=1", "packetization-mode=0"), OfferRefused),
        (lambda sdp: sdp + sdp[sdp.index("m=video") :], OfferRefused),
    ],
    ids=[
        "empty",
        "cut off",
        "zeros",
        "too long",
        "receives only",
        "no setup",
        "no fingerprint",
        "no password",
        "no rtcp-mux",
        "single NAL units",
        "two videos",
    ],
)
def test_an_offer_that_cannot_be_answered_is_refused(
    change: Callable[[str], str], kind: type[WebDetectorError]
) -> None:
    assert type(refused(change)) is kind


async def gathered(network: Network) -> list[tuple[str, int]]:
    """The candidates of an answer."""
    async with WhipSender() as sender:
        whip = WhipSession(network)
        try:
            answer = await whip.answer(await sender.offer())
        finally:
            await whip.close()
    lines = (line.split() for line in answer.splitlines() if line.startswith("a=candidate:"))
    return [(line[4], int(line[5])) for line in lines]


def test_hosts_are_told_as_they_are_named_with_one_port_of_the_range() -> None:
    # As in a container, whose ports are published: one of them is not an address of this machine.
    found = run(lambda: gathered(Network(("127.0.0.1", "203.0.113.7", "2001:db8::7"), (40_000, 40_099))))
    assert [host for host, _ in found] == ["127.0.0.1", "203.0.113.7", "2001:db8::7"]
    assert len({port for _, port in found}) == 1
    assert 40_000 <= found[0][1] <= 40_099


def test_without_hosts_the_network_cards_are_told_else_127_0_0_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.2", "127.0.0.3"])
    assert [host for host, _ in run(lambda: gathered(Network()))] == ["127.0.0.2", "127.0.0.3"]
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda use_ipv4, use_ipv6: [])
    assert [host for host, _ in run(lambda: gathered(Network()))] == ["127.0.0.1"]


def test_a_host_is_reached_through_another_address_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that is told the address of its host: what comes to its own card is for it."""
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.9"])

    async def scenario() -> None:
        async with WhipSender() as sender:
            whip = WhipSession(Network(("127.0.0.1",)))
            try:
                lines = (await sender.offer()).splitlines(keepends=True)
                # Without the sender's addresses, so that nothing comes but what it sends itself.
                answer = await whip.answer("".join(line for line in lines if "candidate" not in line))
                await sender.take(answer.replace(" 127.0.0.1 ", " 127.0.0.9 "))  # as a forwarder does
                await whip.connected()
            finally:
                await whip.close()

    run(scenario)


def test_no_free_port_is_said() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        error = refused(lambda sdp: sdp, Network(("127.0.0.1",), (port, port)))
    assert isinstance(error, NoMediaPort)
    assert "WEBRTC_UDP_PORTS" in error.detail
