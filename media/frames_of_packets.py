"""From packets to frames with their times."""

import heapq
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator

import av
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from media.seekable_video import MaybePacket

# The most frames that a decoder may hold back to bring them into the order of display.
_MAX_REORDER = 16
# Decoders that tell for sure which frames no other refers to. (In HEVC, frames of higher layers may
# refer to what it calls so; others do not look at the wish, or only when they are opened.)
_KNOW_NONREF = ("h264", "mpeg4", "mpeg2video")

Timed = tuple[int, VideoFrame]


def _decoded(packet: MaybePacket, stream: VideoStream) -> list[VideoFrame]:
    """The frames that come out when a packet goes in; none from a damaged one."""
    try:
        return list(stream.codec_context.decode(packet))
    except av.error.MemoryError:
        raise  # not the packet's fault: another try may succeed
    except av.error.FFmpegError:
        return []


def by_pts(packets: Iterator[MaybePacket], stream: VideoStream, wanted: frozenset[int]) -> Iterator[Timed]:
    """Frames with their own times. Those that are not wanted may be left out, where no other needs them."""
    skips = _Skips(stream, wanted)
    for packet in packets:
        if skips.whole(packet):
            continue
        for frame in _decoded(packet, stream):
            skips.see(frame)
            if frame.pts is not None:
                yield frame.pts, frame


class _Skips:
    """Spares the decoder what nobody wants and nothing refers to."""

    def __init__(self, stream: VideoStream, wanted: frozenset[int]) -> None:
        self._decoder = stream.codec_context
        self._decoder.skip_frame = "DEFAULT"
        self._wanted = wanted
        self._intra_only = self._decoder.codec.intra_only
        # Unknown until a frame is seen: the fields of one may come in packets of their own.
        self._progressive = False
        self._knows = self._decoder.codec.canonical_name in _KNOW_NONREF
        self._skipping = False

    def see(self, frame: VideoFrame) -> None:
        """A frame of the stream."""
        self._progressive = self._knows and not frame.interlaced_frame

    def whole(self, packet: MaybePacket) -> bool:
        """Whether the decoder need not get the packet; if it must, it is told what to do with it."""
        unwanted = packet is not None and packet.pts is not None and packet.pts not in self._wanted
        if self._intra_only:
            return unwanted
        skipping = unwanted and self._progressive
        if skipping != self._skipping:
            self._decoder.skip_frame = "NONREF" if skipping else "DEFAULT"
            self._skipping = skipping
        return False


def by_count(packets: Iterator[MaybePacket], stream: VideoStream) -> Iterator[Timed]:
    """The n-th frame shown has the n-th time of decoding, for containers without times of display.

    A frame carries the dts of its own packet through the decoder, and waits until those of all
    smaller ones have come out or are lost: times go out sorted, frames in the order that the
    decoder gave.
    """
    frames: deque[VideoFrame] = deque()
    times: list[int] = []
    inside: list[int] = []  # dts of the packets that the decoder holds, rising
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
                inside = inside[bisect_left(inside, time) :]  # those before it are lost
                yield time, frames.popleft()
    while frames:
        yield heapq.heappop(times), frames.popleft()
