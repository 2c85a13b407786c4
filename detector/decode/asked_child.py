"""The decoder of a chunk of which not every frame is wanted, in its sandboxed process.

It decodes ahead, shows a thumbnail of each frame, holds the frames, and makes an image of one when it is asked for.
"""

import socket
from collections import deque
from collections.abc import Callable, Collection, Generator
from contextlib import closing
from typing import BinaryIO

import av
import msgspec
from av.video.frame import VideoFrame

from contracts.errors import DecodeFailed, StorageUnavailable
from detector.decode.crop import Cropper
from detector.decode.frames import ToImage, decode
from detector.decode.protocol import (
    DETAIL_CHARACTERS,
    MESSAGE_BYTES,
    Ask,
    DecodeRequest,
    Ended,
    Frame,
    Message,
    Refused,
    Seen,
)
from detector.decode.thumbnails import Thumbnails
from detector.tensors import Image
from media.frames_of_stretches import PlacedFrame
from media.orientation import orientation_of

# So that the places of those that are spared fit into a message.
_MOST_HELD = 1000


class _NoImage(Exception):
    """A frame cannot be made an image, or the frames that are held take more memory than there is."""


class _Pictures:
    """Makes images and thumbnails of the frames of a chunk."""

    def __init__(self, request: DecodeRequest) -> None:
        orientation, region = orientation_of(request.chunk), request.chunk.plan.options.region
        self._crop = Cropper(region, orientation)
        self._to_image = ToImage(orientation, request.view, request.channels, Cropper(region, orientation))
        self._to_thumbnail = Thumbnails()

    def image(self, frame: VideoFrame) -> Image:
        """Raises _NoImage."""
        try:
            return self._to_image(frame)
        except DecodeFailed as error:
            raise _NoImage(error.detail) from error

    def thumbnail(self, frame: VideoFrame) -> bytes:
        """Raises _NoImage."""
        try:
            return self._to_thumbnail(self._crop(frame))
        except (av.error.FFmpegError, ValueError) as error:
            raise _NoImage(f"its colours cannot be converted: {error}") from error


class _Held:
    """The frames that may still be asked for: as they were decoded, or as images where those take too much memory."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._frames: dict[int, tuple[VideoFrame | Image, int, int, int]] = {}
        self._bytes = 0

    @property
    def is_full(self) -> bool:
        return self._bytes >= self._most_bytes or len(self._frames) >= _MOST_HELD

    def put(self, place: int, frame: VideoFrame, to_image: Callable[[VideoFrame], Image]) -> None:
        kept: VideoFrame | Image = to_image(frame) if self.is_full else frame
        size = sum(plane.buffer_size for plane in kept.planes) if isinstance(kept, VideoFrame) else kept.nbytes
        self._frames[place] = (kept, frame.width, frame.height, size)
        self._bytes += size

    def get(self, place: int) -> tuple[VideoFrame | Image, int, int]:
        """The frame or its image, and the frame's width and height."""
        kept, width, height, _ = self._frames[place]
        return kept, width, height

    def drop(self, keep: int, spared: Collection[int]) -> None:
        """Let go of the frames before a place, but for some."""
        for place in [place for place in self._frames if place < keep and place not in spared]:
            self._bytes -= self._frames.pop(place)[3]


class AskedDecoder:
    """Answers the detector until it ends the process."""

    def __init__(
        self, request: DecodeRequest, images: Image, channel: socket.socket, send: Callable[[Message], None]
    ) -> None:
        """images: uint8 (slots, H, W, 3). send: writes a message to the channel."""
        self._request, self._images, self._channel, self._send = request, images, channel, send
        self._pictures = _Pictures(request)
        self._held = _Held(request.held_bytes or 0)
        self._wanted: deque[int] = deque()
        self._keep, self._until, self._newest = 0, -1, -1
        self._spared: tuple[int, ...] = ()
        self._free, self._number, self._pixels = request.slots, 0, 0

    def run(self, source: BinaryIO, keep_alive: Callable[[], None]) -> None:
        """Decode and answer. source: the whole video. keep_alive: called for each packet. Raises EOFError when the
        detector has gone."""
        with closing(decode(source, self._request.chunk, keep_alive)) as frames:
            try:
                self._answer(frames)
            except _NoImage as error:
                self._send(Refused(str(error)[:DETAIL_CHARACTERS]))
            except MemoryError:
                self._send(Refused("decoding it takes more memory than is allowed"))

    def _answer(self, frames: Generator[PlacedFrame, None, None]) -> None:
        decoding = True
        while True:
            self._receive(wait=not (self._can_write or (decoding and self._may_decode)))
            if self._can_write:
                self._write(self._wanted.popleft())
            elif decoding and self._may_decode:
                decoding = self._decode_next(frames)

    @property
    def _can_write(self) -> bool:
        return bool(self._wanted and self._free)

    @property
    def _may_decode(self) -> bool:
        return not self._held.is_full or self._newest < self._until

    def _receive(self, wait: bool) -> None:
        """Take what the detector asks for; where wait is set, wait for it."""
        flags = 0 if wait else socket.MSG_DONTWAIT
        while True:
            try:
                data = self._channel.recv(MESSAGE_BYTES, flags)
            except BlockingIOError:
                break
            if not data:
                raise EOFError
            ask = msgspec.msgpack.decode(data, type=Ask)
            self._wanted += ask.wanted
            self._keep, self._spared, self._until = ask.keep, ask.spared, ask.until
            self._free += ask.free
            flags = socket.MSG_DONTWAIT
        self._held.drop(self._keep, {*self._spared, *self._wanted})

    def _decode_next(self, frames: Generator[PlacedFrame, None, None]) -> bool:
        """Decode a frame and show it; whether there may be another one."""
        try:
            placed = next(frames, None)
            if placed is not None:
                self._show(*placed)
                return True
        except (DecodeFailed, StorageUnavailable) as error:
            self._send(Ended(error.code, error.detail[:DETAIL_CHARACTERS]))
            return False
        self._send(Ended())
        return False

    def _show(self, place: int, frame: VideoFrame) -> None:
        size = frame.width * frame.height  # may change between frames
        self._pixels += size
        if self._pixels > self._request.pixels:
            raise DecodeFailed(f"its frames have more than {self._request.pixels} pixels together")
        if size > self._request.frame_pixels:
            return
        thumbnail = self._pictures.thumbnail(frame)
        self._held.put(place, frame, self._pictures.image)
        self._newest = max(self._newest, place)
        self._send(Seen(place, frame.width, frame.height, thumbnail))

    def _write(self, place: int) -> None:
        kept, width, height = self._held.get(place)
        image = self._pictures.image(kept) if isinstance(kept, VideoFrame) else kept
        self._images[self._number % self._request.slots] = image
        self._number += 1
        self._free -= 1
        self._send(Frame(place, width, height))
