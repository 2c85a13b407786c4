"""From packets in decoding order to frames with their times, in display order."""

import heapq
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator

import av
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from contracts.wire.messages import Clock
from media.seekable_video import MaybePacket

# The most frames that a decoder may hold back to bring them into display order.
_MAX_REORDER = 16
# Decoders that reliably skip frames that no other frame refers to. (In HEVC, frames of higher layers may refer to
# those that it calls so; other decoders ignore skip_frame, or read it only when they are opened.)
_KNOW_NONREF = ("h264", "mpeg4", "mpeg2video")

Timed = tuple[int, VideoFrame]


def frames_of_packets(
    packets: Iterator[MaybePacket], stream: VideoStream, clock: Clock, wanted: frozenset[int] | None = None
) -> Iterator[Timed]:
    """Decode packets from a keyframe on: frames with their times, in units of the stream's time base.

    clock: "pts" where frames carry display times, "dts" where they are told apart by counting. wanted: times of the
    frames that are needed; None means all. Frames that cannot be decoded are left out, and so may be others that
    are not wanted. Raises av.error.MemoryError.
    """
    return by_pts(packets, stream, wanted) if clock == "pts" else by_count(packets, stream)


def _decoded(packet: MaybePacket, stream: VideoStream) -> list[VideoFrame]:
    """The frames that the decoder returns for a packet; none for a damaged one."""
    try:
        return list(stream.codec_context.decode(packet))
    except av.error.MemoryError:
        raise  # not the fault of the packet: another attempt may succeed
    except av.error.FFmpegError:
        return []


def by_pts(
    packets: Iterator[MaybePacket], stream: VideoStream, wanted: frozenset[int] | None = None
) -> Iterator[Timed]:
    """Frames with their own times. Those that are not wanted may be skipped where no other refers to them."""
    skips = None if wanted is None else _Skips(stream, wanted)
    for packet in packets:
        if skips and skips.whole(packet):
            continue
        for frame in _decoded(packet, stream):
            if skips:
                skips.see(frame)
            if frame.pts is not None:
                yield frame.pts, frame


class _Skips:
    """Skips decoding of frames that are not wanted and that no other frame refers to."""

    def __init__(self, stream: VideoStream, wanted: frozenset[int]) -> None:
        self._decoder = stream.codec_context
        self._decoder.skip_frame = "DEFAULT"
        self._wanted = wanted
        self._intra_only = self._decoder.codec.intra_only
        # Unknown until a frame is seen: the fields of an interlaced frame may come in separate packets.
        self._progressive = False
        self._knows = self._decoder.codec.canonical_name in _KNOW_NONREF
        self._skipping = False

    def see(self, frame: VideoFrame) -> None:
        """Note a decoded frame of the stream."""
        self._progressive = self._knows and not frame.interlaced_frame

    def whole(self, packet: MaybePacket) -> bool:
        """Whether the decoder does not need the packet; if it does, set how it decodes the packet."""
        unwanted = packet is not None and packet.pts is not None and packet.pts not in self._wanted
        if self._intra_only:
            return unwanted
        skipping = unwanted and self._progressive
        if skipping != self._skipping:
            self._decoder.skip_frame = "NONREF" if skipping else "DEFAULT"
            self._skipping = skipping
        return False


def by_count(packets: Iterator[MaybePacket], stream: VideoStream) -> Iterator[Timed]:
    """The n-th frame shown has the n-th dts, for containers without display times.

    A frame carries the dts of its own packet through the decoder, and waits until the frames of all smaller dts
    have come out or are lost: times are yielded sorted, frames in the order of the decoder.
    """
    frames: deque[VideoFrame] = deque()
    times: list[int] = []
    inside: list[int] = []  # dts of the packets that the decoder holds, ascending
    for packet in packets:
        if packet is not None:
            packet.pts = packet.dts
            if packet.dts is not None:
                insort(inside, packet.dts)
        for frame in _decoded(packet, stream):
            if frame.pts is None:
                continue
            frames.append(frame)
            heapq.heappush(times, frame.pts)
            inside = [dts for dts in inside if dts != frame.pts]
            while times and (not inside or times[0] < inside[0] or len(frames) > _MAX_REORDER):
                time = heapq.heappop(times)
                inside = inside[bisect_left(inside, time) :]  # smaller ones are lost
                yield time, frames.popleft()
    while frames:
        yield heapq.heappop(times), frames.popleft()
