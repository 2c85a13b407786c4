"""From numbered packets in decoding order to frames, each with the number of the packet that begins it.

Containers' times cannot tell frames apart: they repeat, fall back, or are missing. The packet's number replaces its
pts on the way through the decoder, which hands it on to the frame and orders frames by the codec's own syntax.
"""

from collections.abc import Iterable, Iterator

import av
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from media.seekable_video import MaybePacket, NumberedPacket

# Decoders that reliably skip frames that no other frame refers to. (In HEVC, frames of higher layers may refer to
# those that it calls so; other decoders ignore skip_frame, or read it only when they are opened.)
_KNOW_NONREF = ("h264", "mpeg4", "mpeg2video")

NumberedFrame = tuple[int, VideoFrame]


def frames_of_packets(
    packets: Iterable[NumberedPacket], stream: VideoStream, wanted: frozenset[int] | None = None
) -> Iterator[NumberedFrame]:
    """Decode packets from a keyframe on: frames in display order, each with the number of its first packet.

    wanted: numbers of the frames that are needed; None means all. Frames that cannot be decoded are left out, and so
    may be others that are not wanted. Raises av.error.MemoryError.
    """
    skips = None if wanted is None else _Skips(stream, wanted)
    for number, packet in packets:
        if packet is not None:
            if skips and skips.whole(number):
                continue
            packet.pts = number
        for frame in _decoded(packet, stream):
            if skips:
                skips.see(frame)
            if frame.pts is not None:
                yield frame.pts, frame


def _decoded(packet: MaybePacket, stream: VideoStream) -> list[VideoFrame]:
    """The frames that the decoder returns for a packet; none for a damaged one."""
    try:
        return list(stream.codec_context.decode(packet))
    except av.error.MemoryError:
        raise  # not the fault of the packet: another attempt may succeed
    except av.error.FFmpegError:
        return []


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

    def whole(self, number: int) -> bool:
        """Whether the decoder does not need the packet with that number; if it does, set how it decodes it."""
        unwanted = number not in self._wanted
        if self._intra_only:
            return unwanted
        skipping = unwanted and self._progressive
        if skipping != self._skipping:
            self._decoder.skip_frame = "NONREF" if skipping else "DEFAULT"
            self._skipping = skipping
        return False
