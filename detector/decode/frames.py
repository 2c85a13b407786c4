"""From a video's bytes to the frames of a chunk, and from a frame to a model's input image."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from typing import BinaryIO

import msgspec
import numpy as np
from av.video.frame import VideoFrame

from contracts.errors import DecodeFailed
from contracts.wire.messages import Chunk, SeekPoint, Stretch
from detector.decode.crop import Cropper
from detector.tensors import Image
from detector.view import GREY, View
from media.colour import colours_of
from media.frames_of_packets import frames_of_packets
from media.orientation import Orientation
from media.scaling import Scaler
from media.seekable_video import NumberedPacket, Video

# A frame with its position in the chunk.
PlacedFrame = tuple[int, VideoFrame]


def decode(
    source: BinaryIO, chunk: Chunk, on_packet: Callable[[], None] = lambda: None
) -> Generator[PlacedFrame, None, None]:
    """The frames of a chunk with their positions in it, in display order, each once.

    source: the whole video; only what the chunk needs is read. on_packet is called for each packet, including those
    before the first frame; what it raises passes through. Frames that cannot be decoded are left out.
    Raises DecodeFailed when the video cannot be opened, or when the chunk is one of release 1.0.
    """
    if chunk.packets is msgspec.UNSET or chunk.stretches is msgspec.UNSET:
        raise DecodeFailed("the job was planned by an earlier release: start it again")
    stops = [*(stretch.at for stretch in chunk.stretches[1:]), len(chunk.packets)]
    with closing(Video(source, chunk.pids)) as video:
        for stretch, stop in zip(chunk.stretches, stops, strict=True):
            wanted = _Wanted(chunk.packets[stretch.at : stop], stretch, skip=not chunk.several)
            for number, frame in wanted.decoded(video, on_packet):
                yield stretch.at + number, frame


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Frames to decode from one keyframe on: the numbers of their packets, in display order.

    skip: whether packets of other frames may be skipped.
    """

    packets: tuple[int, ...]
    stretch: Stretch
    skip: bool

    def decoded(self, video: Video, on_packet: Callable[[], None]) -> Iterator[PlacedFrame]:
        """The frames with their positions, from the first keyframe that leads to the first of them."""
        frames: Generator[PlacedFrame, None, None] | None = None
        for point in self.stretch.seeks:
            if frames is not None:
                frames.close()
            frames = self._from(video, point, on_packet)
            first = next(frames, None)
            if first is not None and (first[0] == 0 or point is self.stretch.seeks[-1]):
                return chain((first,), frames)
        return iter(())

    def _from(
        self, video: Video, point: SeekPoint | None, on_packet: Callable[[], None]
    ) -> Generator[PlacedFrame, None, None]:
        """The frames that can be decoded from a keyframe on; None means from the start of the file."""
        places = {packet: place for place, packet in enumerate(self.packets)}
        if point is None:
            yield from self._frames(video, video.packets(on_packet), places)
            return
        ended = yield from self._frames(video, video.packets_from(point, on_packet), places)
        if ended:  # after a seek, a demuxer may not go on where one recording follows another
            yield from self._frames(video, video.packets(on_packet, point.packet), places)

    def _frames(
        self, video: Video, packets: Iterator[NumberedPacket], places: dict[int, int]
    ) -> Generator[PlacedFrame, None, bool]:
        """Decode the frames that are left in places, and take them out; whether the packets ended too early."""
        needed = _UpTo(packets, self.stretch.last)
        for packet, frame in frames_of_packets(needed, video.stream, frozenset(places) if self.skip else None):
            if (place := places.pop(packet, None)) is not None:
                yield place, frame
            if not places:
                return False
        return needed.ended


class _UpTo:
    """Packets up to the one numbered last, then None, so that the decoder returns what it holds.

    ended: whether there were fewer.
    """

    def __init__(self, packets: Iterator[NumberedPacket], last: int) -> None:
        self._packets, self._last = packets, last
        self.ended = False

    def __iter__(self) -> Iterator[NumberedPacket]:
        for number, packet in self._packets:
            if packet is None:
                self.ended = number <= self._last
                break
            if number > self._last:
                break
            yield number, packet
        yield self._last + 1, None


@dataclass(frozen=True, slots=True)
class ToImage:
    """Converts frames of one stream, of any size, to images: upright, laid out as in the view, in the model's colour
    order.

    orientation: how players turn the frame. channels: "BGR" or "RGB". crop: cuts out what the view shows; None where
    that is the whole frame.
    """

    orientation: Orientation
    view: View
    channels: str
    crop: Cropper | None = None
    _scaler: Scaler = field(default_factory=lambda: Scaler("BILINEAR"))

    def __call__(self, frame: VideoFrame) -> Image:
        """uint8 (H, W, 3), C-contiguous. Raises DecodeFailed for colours that cannot be converted."""
        colours = colours_of(frame)  # of the whole frame: a part is smaller
        part = frame if self.crop is None else self.crop(frame)
        view = self.view.showing(self.orientation.size(part.width, part.height))
        # Scale before turning, since that is cheaper.
        scaled = self._scaler.pixels(part, colours, self.orientation.size(*view.inner), self.channels)
        image: Image = self.orientation.applied(scaled)
        if view.inner == view.canvas:
            return np.ascontiguousarray(image)
        (width, height), (left, top) = view.inner, view.offset
        padded = np.full((view.canvas[1], view.canvas[0], 3), GREY, np.uint8)
        padded[top : top + height, left : left + width] = image
        return padded
