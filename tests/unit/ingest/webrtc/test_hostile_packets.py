"""Whatever a sender sends, and in whatever order: nothing breaks, and what comes out is what went in."""

import asyncio
from typing import Any

from aiortc.rtcrtpparameters import RTCRtpCodecParameters, RTCRtpReceiveParameters
from aiortc.rtp import RtpPacket
from hypothesis import given
from hypothesis import strategies as st

from ingest.sources.port import SourcePacket
from ingest.webrtc.h264_frames import H264Frames
from ingest.webrtc.packet_queue import PacketQueue
from ingest.webrtc.receiver import PassThroughReceiver
from ingest.webrtc.rtp_frames import FrameBuffer, RtpFrame, RtpPart

PARTS = st.builds(
    RtpPart,
    sequence=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 2**32 - 1),
    marker=st.booleans(),
    payload=st.binary(max_size=12),
)


@given(st.lists(PARTS, max_size=40), st.floats(0, 0.3))
def test_any_packets_become_packets_that_begin_with_a_keyframe(parts: list[RtpPart], pause: float) -> None:
    buffer, frames = FrameBuffer(), H264Frames()
    found: list[SourcePacket] = []
    for number, part in enumerate(parts):
        for frame in buffer.add(part, number * pause):
            assert frame.payloads
            assert all(frame.payloads)
            taken = frames.take(frame, 0.0, None)
            found += [taken[1]] if taken else []
    assert not found or found[0].key


@given(st.lists(st.integers(1, 4), min_size=1, max_size=12), st.integers(0, 0xFFFF), st.randoms())
def test_packets_in_any_order_are_the_frames_that_were_sent(sizes: list[int], first: int, random: Any) -> None:
    frames = [[bytes([number, part]) for part in range(size)] for number, size in enumerate(sizes)]
    parts: list[RtpPart] = []
    for number, payloads in enumerate(frames):
        for part, payload in enumerate(payloads):
            sequence = (first + len(parts)) % 0x10000
            parts.append(RtpPart(sequence, number * 3000, part == len(payloads) - 1, payload))
    rest = parts[1:] * 2  # each one doubled
    random.shuffle(rest)
    buffer = FrameBuffer()
    out: list[RtpFrame] = [frame for part in [parts[0], *rest] for frame in buffer.add(part, 0.0)]
    assert [frame.payloads for frame in out] == frames
    assert all(frame.whole and not frame.missing for frame in out)


class NoTransport:
    """A transport that nothing leaves by."""

    def _register_rtp_receiver(self, *_: object) -> None: ...

    def _unregister_rtp_receiver(self, *_: object) -> None: ...

    async def _send_rtp(self, _data: bytes) -> None: ...


def test_a_sender_with_ever_new_numbers_is_shown_out() -> None:
    gone: list[bool] = []

    async def scenario() -> int:
        receiver = PassThroughReceiver(NoTransport(), PacketQueue(), lambda: gone.append(True))
        codec = RTCRtpCodecParameters("video/H264", 90_000, payloadType=99)
        await receiver.receive(RTCRtpReceiveParameters(codecs=[codec]))
        for number in range(100):
            await receiver._handle_rtp_packet(RtpPacket(payload_type=99, ssrc=number, payload=b"\x41"), number)
        await receiver.stop()
        return len(receiver._estimator.ssrcs)

    assert asyncio.run(scenario()) < 100
    assert gone
