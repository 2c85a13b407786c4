"""A WebRTC sender for tests: aiortc as the client, whose frames come when the test says so."""

import asyncio
from fractions import Fraction
from types import TracebackType

import numpy as np
from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
    VideoStreamTrack,
)
from aiortc.rtp import RTCP_PSFB_APP, RTCP_PSFB_PLI, AnyRtcpPacket, RtcpPsfbPacket
from av import VideoFrame

from ingest.webrtc.endpoints import Network

LOOPBACK = Network(hosts=("127.0.0.1",))
STEP = 3000


class GatedTrack(VideoStreamTrack):  # type: ignore[misc]
    """A picture for each permit. sent: number of pictures so far."""

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.permits = asyncio.Semaphore(0)
        self.sent = 0
        self.size = size

    async def recv(self) -> VideoFrame:
        """The next picture: a bright bar that moves over noise that does not, so that only the first one, and those
        that are asked for, are keyframes."""
        await self.permits.acquire()
        width, height = self.size
        noise = np.random.default_rng(0)
        picture = noise.integers(0, 64, (height, width, 3), np.uint8)
        picture[:, self.sent * 8 % width :][:, :8] = 255
        frame = VideoFrame.from_ndarray(picture, "rgb24")
        frame.pts, frame.time_base = self.sent * STEP, Fraction(1, 90_000)
        self.sent += 1
        return frame


class WhipSender:
    """A connection that sends a GatedTrack, for the length of a context. codec: what it offers. sound: offer that too,
    in front of the picture. asked: how many times it was asked for a keyframe."""

    def __init__(self, codec: str = "video/H264", size: tuple[int, int] = (320, 240), *, sound: bool = False) -> None:
        self.track = GatedTrack(size)
        self._peer = RTCPeerConnection(RTCConfiguration([], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        if sound:
            self._peer.addTransceiver("audio", direction="sendonly")
        transceiver = self._peer.addTransceiver(self.track, direction="sendonly")
        self.asked = 0
        self._handle = transceiver.sender._handle_rtcp_packet
        transceiver.sender._handle_rtcp_packet = self._count
        known = RTCRtpSender.getCapabilities("video").codecs
        transceiver.setCodecPreferences([one for one in known if one.mimeType in (codec, "video/rtx")])
        LOOPBACK.use(transceiver.sender.transport.transport.iceGatherer._connection)

    async def __aenter__(self) -> "WhipSender":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def offer(self) -> str:
        """The SDP offer."""
        if self._peer.localDescription is None:
            await self._peer.setLocalDescription()
        return str(self._peer.localDescription.sdp)

    async def take(self, answer: str) -> None:
        """Take the answer, and connect."""
        await self._peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    def send(self, frames: int = 1) -> None:
        """Let it send so many frames."""
        for _ in range(frames):
            self.track.permits.release()

    async def _count(self, packet: AnyRtcpPacket) -> None:
        told = packet.fmt if isinstance(packet, RtcpPsfbPacket) else None
        self.asked += told == RTCP_PSFB_PLI
        if told != RTCP_PSFB_APP:  # a bit rate, at which the encoder would begin anew, with a keyframe
            await self._handle(packet)

    async def close(self) -> None:
        """Leave, and tell the other side."""
        await self._peer.close()
