"""Which sizes the frames of a video have, as far as the headers in its packets tell."""

from typing import Any, Literal

import av
from av.bitstream import BitStreamFilterContext
from av.packet import Packet
from av.video.stream import VideoStream

from processor.probe.vpx_headers import Size, Vp9Sizes, vp8_size

# What brings the headers of keyframes to light, by codec.
_EXTRACT = "extract_extradata"
_FILTERS = {
    "h264": f"h264_mp4toannexb,{_EXTRACT}",
    "hevc": f"hevc_mp4toannexb,{_EXTRACT}",
    **dict.fromkeys(("av1", "mpeg1video", "mpeg2video", "mpeg4", "vc1"), _EXTRACT),
}
_HEADER: Literal["new_extradata"] = "new_extradata"
_MOST = 64  # sizes, and headers that are looked into


class FrameSizes:
    """Gathers the sizes of frames, in stored pixels, while the packets of a video stream are read.

    VP8 and VP9 tell them in each frame. Elsewhere a keyframe is decoded when its header differs from all before;
    of codecs without such headers (MJPEG, ProRes) nothing is learned.
    """

    def __init__(self, stream: VideoStream, first: Size) -> None:
        """first: the size of the first frame, (width, height). found: all sizes, in the order in which they come."""
        self._stream = stream
        codec = stream.codec_context.codec.canonical_name
        self._codec = codec
        self._extract = BitStreamFilterContext(_FILTERS[codec], stream) if codec in _FILTERS else None
        self._vp9 = Vp9Sizes()
        self._headers: set[bytes] = set()
        self.found = [first]

    def see(self, packet: "Packet[VideoStream]") -> None:
        """The next packet of the video stream."""
        for size in self._told(packet):
            if size not in self.found and len(self.found) < _MOST:
                self.found.append(size)

    def _told(self, packet: "Packet[VideoStream]") -> list[Size]:
        if self._codec == "vp9":
            return self._vp9.shown(memoryview(packet))
        if self._codec == "vp8":
            size = vp8_size(memoryview(packet))
            return [size] if size else []
        if self._extract is None or not packet.is_keyframe or len(self._headers) == _MOST:
            return []
        try:
            return [size for part in self._extract.filter(_copy(packet)) for size in self._decoded(part)]
        except av.error.FFmpegError:  # damage, which a job will meet
            return []

    def _decoded(self, packet: "Packet[VideoStream]") -> list[Size]:
        """The size of a keyframe whose header is new. The first is that of the first frame."""
        header = bytes(packet.get_sidedata(_HEADER)) if packet.has_sidedata(_HEADER) else b""
        if not header or header in self._headers:
            return []
        self._headers.add(header)
        if len(self._headers) == 1:
            return []
        decoder: Any = av.CodecContext.create(self._stream.codec_context.codec.name, "r")
        decoder.extradata, decoder.thread_count = header, 1
        return [(frame.width, frame.height) for frame in (*decoder.decode(packet), *decoder.decode(None))]


def _copy(packet: "Packet[VideoStream]") -> "Packet[VideoStream]":
    """A packet that a filter may take away."""
    copy: Any = av.Packet(bytes(packet))
    copy.is_keyframe = True
    if packet.has_sidedata(_HEADER):
        copy.set_sidedata(packet.get_sidedata(_HEADER))
    made: Packet[VideoStream] = copy
    return made
