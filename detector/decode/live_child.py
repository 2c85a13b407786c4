"""The decoder of a stream, in its sandboxed process: packets in, the newest image out."""

import socket
from fractions import Fraction
from mmap import mmap
from typing import Any

import av
import msgspec
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from contracts.errors import DecodeFailed
from contracts.live.streams import TICKS_PER_SECOND
from detector.decode.crop import Cropper
from detector.decode.frames import ToImage
from detector.decode.live_protocol import Decoded, Feed, Look, Ready, receive_message
from detector.decode.pace import Pace
from detector.decode.protocol import LiveRequest
from detector.tensors import Image
from media.orientation import Orientation
from media.seekable_video import MaybePacket

_TIME_BASE = Fraction(1, TICKS_PER_SECOND)


def answer(request: LiveRequest, packets: socket.socket, memory: mmap, channel: socket.socket) -> None:
    """Answer the detector until it ends. Raises DecodeFailed, MemoryError."""
    decoder = StreamDecoder(request, np.frombuffer(memory, np.uint8))
    channel.send(msgspec.msgpack.encode(Ready()))
    while (message := receive_message(packets)) is not None:
        if isinstance(message, Look):
            decoder.look(message)
        else:
            channel.send(msgspec.msgpack.encode(decoder.decoded(message)))


class StreamDecoder:
    """One codec configuration of a stream."""

    def __init__(self, request: LiveRequest, memory: Image) -> None:
        """memory: (slots * slot_bytes,). Raises DecodeFailed."""
        self._request, self._memory = request, memory
        self._context = _opened(request)
        self._to_image: ToImage | None = None
        self._pace = Pace(0)
        self._interval = 0.0

    def look(self, look: Look) -> None:
        """Make images that way from now on."""
        orientation = Orientation(look.rotation)
        self._to_image = ToImage(orientation, look.view, look.channels, Cropper(look.region, orientation))
        if look.interval != self._interval:
            self._pace, self._interval = Pace(look.interval), look.interval

    def decoded(self, feed: Feed) -> Decoded:
        """Decode a packet, and write the newest frame that came out. Raises DecodeFailed, MemoryError."""
        frames = []
        if feed.restart or not feed.data:
            frames = self._frames(None)
            self._context.flush_buffers()
        if feed.data:
            packet: Any = av.Packet(feed.data)
            packet.pts, packet.time_base = feed.pts, _TIME_BASE
            frames += self._frames(packet)
        skipped = [pts for pts, _ in frames if not self._pace.takes(pts)]
        taken = [(pts, frame) for pts, frame in frames if pts not in skipped]
        came = tuple(pts for pts, _ in frames)
        if not taken or not feed.wanted or self._to_image is None:
            return Decoded(came, tuple(skipped))
        pts, newest = taken[-1]
        self._write(self._to_image(newest), feed.slot)
        return Decoded(came, tuple(skipped), pts, newest.width, newest.height)

    def _frames(self, packet: MaybePacket) -> list[tuple[int, VideoFrame]]:
        """The frames that the decoder returns for a packet; none for a damaged one."""
        try:
            frames = self._context.decode(packet)
        except av.error.MemoryError:
            raise
        except av.error.FFmpegError:
            return []
        most = self._request.frame_pixels
        return [(frame.pts, frame) for frame in frames if frame.pts is not None and frame.width * frame.height <= most]

    def _write(self, image: Image, slot: int) -> None:
        start = slot * self._request.slot_bytes
        self._memory[start : start + image.size] = image.reshape(-1)


def _opened(request: LiveRequest) -> VideoCodecContext:
    try:
        context: Any = av.CodecContext.create(request.codec, "r")
        if not isinstance(context, VideoCodecContext):
            raise DecodeFailed(f"{request.codec} is no codec of pictures")
        # One thread, since others would hold frames back.
        context.thread_count = 1
        context.options = {"max_pixels": str(request.frame_pixels)}
        if request.extradata:
            context.extradata = request.extradata
        context.open()
    except (ValueError, av.error.FFmpegError) as error:
        raise DecodeFailed(f"its codec {request.codec} cannot be decoded: {error}") from error
    return context
