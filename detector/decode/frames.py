"""From a video's bytes to the frames of a chunk, and from a frame to a model's input image."""

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field
from typing import BinaryIO

import msgspec
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation

from contracts.errors import DecodeFailed
from contracts.wire.messages import Chunk
from detector.decode.crop import Cropper
from detector.tensors import Image
from detector.view import GREY, View
from media.colour import colours_of
from media.frames_of_stretches import PlacedFrame, frames_of_stretches
from media.orientation import Orientation
from media.scaling import Scaler
from media.seekable_video import Video


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
    with closing(Video(source, chunk.pids)) as video:
        yield from frames_of_stretches(video, chunk.packets, chunk.stretches, chunk.several is True, on_packet)


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
    _scaler: Scaler = field(default_factory=lambda: Scaler(Interpolation.BILINEAR))

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
