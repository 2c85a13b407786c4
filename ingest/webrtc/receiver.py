"""In place of aiortc's receiver, which holds each frame until the next one begins, and decodes in a thread behind a
queue without bound: this one hands on encoded frames, each with its last packet."""

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress

from aiortc import clock, rtp
from aiortc.codecs import is_rtx
from aiortc.rate import RemoteBitrateEstimator
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.rtcrtpparameters import RTCRtpCodecParameters, RTCRtpReceiveParameters
from aiortc.rtcrtpreceiver import NackGenerator, RemoteStreamTrack, StreamStatistics

from contracts.live.streams import TICKS_PER_SECOND
from ingest.webrtc.h264_frames import H264Frames
from ingest.webrtc.packet_queue import PacketQueue
from ingest.webrtc.rtp_frames import FrameBuffer, RtpPart

# A picture is asked for no more often than this, and a stream has a keyframe about this often: who begins to watch or
# to detect begins there.
ASK_SECONDS = 0.5
KEYFRAME_SECONDS = 4.0
_WRAP = 1 << 32
# Of a sender with RTX there are two; the library notes each one that it sees.
_MOST_SSRCS = 64


class PassThroughReceiver:
    """Receives the H.264 of one sender into a PacketQueue. It has what aiortc's connection uses of a receiver; the
    names of these methods are aiortc's.

    on_gone: called once when the sender ends the connection or its packets.
    """

    def __init__(self, transport: RTCDtlsTransport, queue: PacketQueue, on_gone: Callable[[], None]) -> None:
        self.transport = transport
        self._queue, self._on_gone = queue, on_gone
        self._enabled = True
        self._track: RemoteStreamTrack | None = None
        self._codecs: dict[int, RTCRtpCodecParameters] = {}
        self._rtx_ssrcs: dict[int, int] = {}
        self._own_ssrc: int | None = None
        self._ssrc: int | None = None
        self._ssrcs: set[int] = set()
        self._buffer, self._frames = FrameBuffer(), H264Frames()
        self._nacks, self._estimator = NackGenerator(), RemoteBitrateEstimator()
        self._statistics = StreamStatistics(TICKS_PER_SECOND)
        self._estimated_bytes = 0  # received since the estimator was asked
        self._last_report: tuple[int, float] | None = None  # the middle of the NTP time, and when it came
        self._sender_clock: tuple[float, int] | None = None  # Unix seconds, and the RTP time of the same moment
        self._keyframe_at = self._asked_at = 0.0
        self._reports: asyncio.Task[None] | None = None

    @property
    def track(self) -> RemoteStreamTrack | None:
        """What aiortc's connection tells others of; nothing comes from it."""
        return self._track

    def setTransport(self, transport: RTCDtlsTransport) -> None:  # noqa: N802
        """Use another transport, where the offer bundles several media."""
        self.transport = transport

    def _set_rtcp_ssrc(self, ssrc: int) -> None:
        self._own_ssrc = ssrc

    async def receive(self, parameters: RTCRtpReceiveParameters) -> None:
        """Begin. aiortc calls it whenever something of the connection has changed."""
        if self._reports is not None:
            return
        self._codecs = {codec.payloadType: codec for codec in parameters.codecs}
        self._rtx_ssrcs = {one.rtx.ssrc: one.ssrc for one in parameters.encodings if one.rtx}
        self._keyframe_at = time.monotonic()
        self.transport._register_rtp_receiver(self, parameters)
        self._reports = asyncio.create_task(self._report())

    async def stop(self) -> None:
        """End. Nothing happens the second time."""
        if self._reports is None:
            return
        self.transport._unregister_rtp_receiver(self)
        self._reports.cancel()
        with suppress(asyncio.CancelledError):
            await self._reports

    def _handle_disconnect(self) -> None:
        self._on_gone()

    async def _handle_rtcp_packet(self, packet: rtp.AnyRtcpPacket) -> None:
        if isinstance(packet, rtp.RtcpSrPacket):
            told = packet.sender_info
            self._last_report = (told.ntp_timestamp >> 16 & 0xFFFFFFFF, time.time())
            self._sender_clock = (clock.datetime_from_ntp(told.ntp_timestamp).timestamp(), told.rtp_timestamp)
        elif isinstance(packet, rtp.RtcpByePacket):
            self._on_gone()

    async def _handle_rtp_packet(self, packet: rtp.RtpPacket, arrival_time_ms: int) -> None:
        if not self._enabled or not self._is_known(packet.ssrc):
            return
        await self._estimate(packet, arrival_time_ms)
        original = self._original(packet)
        if original is None:
            return
        if original.ssrc != self._ssrc:  # the first one, or a sender that began anew
            self._ssrc, self._buffer, self._nacks = original.ssrc, FrameBuffer(), NackGenerator()
            self._statistics, self._sender_clock = StreamStatistics(TICKS_PER_SECOND), None
        if original is packet:
            self._statistics.add(packet)
        if self._nacks.add(original):
            await self._send_nack(sorted(self._nacks.missing))
        part = RtpPart(original.sequence_number, original.timestamp, bool(original.marker), original.payload)
        for frame in self._buffer.add(part, time.monotonic()):
            taken = self._frames.take(frame, time.time(), self._wall(frame.timestamp))
            if taken is not None:
                self._queue.put(*taken)
                if taken[1].key:
                    self._keyframe_at = time.monotonic()
        await self._ask_for_keyframe()

    def _is_known(self, ssrc: int) -> bool:
        """Whether this is one of a few numbers of the sender; with more of them it is shown out."""
        self._ssrcs.add(ssrc)
        if len(self._ssrcs) > _MOST_SSRCS:
            self._on_gone()
        return len(self._ssrcs) <= _MOST_SSRCS

    def _original(self, packet: rtp.RtpPacket) -> rtp.RtpPacket | None:
        """The packet itself, or the one that it repeats; None for what was not agreed on."""
        codec = self._codecs.get(packet.payload_type)
        if codec is None or not is_rtx(codec):
            return packet if codec else None
        ssrc, kind = self._rtx_ssrcs.get(packet.ssrc), codec.parameters.get("apt")
        if ssrc is None or kind not in self._codecs or len(packet.payload) < 2:
            return None
        return rtp.unwrap_rtx(packet, payload_type=kind, ssrc=ssrc)

    def _wall(self, timestamp: int) -> float | None:
        """Unix seconds of a frame by the sender's clock."""
        if self._sender_clock is None:
            return None
        seconds, known = self._sender_clock
        return seconds + ((timestamp - known + _WRAP // 2) % _WRAP - _WRAP // 2) / TICKS_PER_SECOND

    async def _estimate(self, packet: rtp.RtpPacket, arrival_ms: int) -> None:
        """Tell the sender which bit rate arrives well, so that it begins low and rises. The estimator is asked once a
        frame, which is one burst, with its last packet and all its bytes: to ask for each packet costs much."""
        self._estimated_bytes += len(packet.payload) + packet.padding_size
        sent = packet.extensions.abs_send_time
        if sent is None or self._own_ssrc is None or not packet.marker:
            return
        size, self._estimated_bytes = self._estimated_bytes, 0
        rate = self._estimator.add(abs_send_time=sent, arrival_time_ms=arrival_ms, payload_size=size, ssrc=packet.ssrc)
        if rate is not None:
            fci = rtp.pack_remb_fci(*rate)
            await self._send(rtp.RtcpPsfbPacket(fmt=rtp.RTCP_PSFB_APP, ssrc=self._own_ssrc, media_ssrc=0, fci=fci))

    async def _ask_for_keyframe(self) -> None:
        now = time.monotonic()
        wanted = self._frames.wants_keyframe or self._queue.wants_keyframe
        if (not wanted and now - self._keyframe_at < KEYFRAME_SECONDS) or now - self._asked_at < ASK_SECONDS:
            return
        self._asked_at = now
        if self._own_ssrc is not None and self._ssrc is not None:
            await self._send(rtp.RtcpPsfbPacket(fmt=rtp.RTCP_PSFB_PLI, ssrc=self._own_ssrc, media_ssrc=self._ssrc))

    async def _send_nack(self, missing: list[int]) -> None:
        if self._own_ssrc is not None and self._ssrc is not None:
            packet = rtp.RtcpRtpfbPacket(fmt=rtp.RTCP_RTPFB_NACK, ssrc=self._own_ssrc, media_ssrc=self._ssrc)
            packet.lost = missing
            await self._send(packet)

    async def _report(self) -> None:
        """Receiver reports, at the random intervals that RFC 3550 asks for."""
        while True:
            await asyncio.sleep(0.5 + random.random())  # noqa: S311  (no secret)
            if self._own_ssrc is None or self._ssrc is None or self._statistics.max_seq is None:
                continue
            middle, came = self._last_report or (0, 0.0)
            delay = min(max(time.time() - came, 0), 0xFFFF) if middle else 0
            report = rtp.RtcpReceiverInfo(
                ssrc=self._ssrc,
                fraction_lost=self._statistics.fraction_lost,
                packets_lost=self._statistics.packets_lost,
                highest_sequence=self._statistics.max_seq,
                jitter=self._statistics.jitter,
                lsr=middle,
                dlsr=int(delay * 65536),
            )
            await self._send(rtp.RtcpRrPacket(ssrc=self._own_ssrc, reports=[report]))

    async def _send(self, packet: rtp.AnyRtcpPacket) -> None:
        with suppress(ConnectionError):
            await self.transport._send_rtp(bytes(packet))
