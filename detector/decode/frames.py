"""From a video's bytes to the frames of a chunk, and from a frame to a model's input image."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from typing import BinaryIO

import numpy as np
from av.video.frame import VideoFrame
from msgspec.structs import replace

from contracts.wire.messages import Chunk
from detector.decode.crop import Cropper
from detector.tensors import Image
from detector.view import GREY, View
from media.colour import colours_of
from media.frames_of_packets import Timed, frames_of_packets
from media.orientation import Orientation
from media.scaling import Scaler
from media.seekable_video import Video


def decode(
    source: BinaryIO, chunk: Chunk, on_packet: Callable[[], None] = lambda: None
) -> Generator[Timed, None, None]:
    """The frames of a chunk with their times, in display order, each once.

    source: the whole video; only what the chunk needs is read. on_packet is called for each packet, including those
    before the first frame; what it raises passes through. Frames that cannot be decoded are left out.
    Raises DecodeFailed when the video cannot be opened.
    """
    with closing(Video(source)) as video:
        for at, part in _parts(chunk):
            frames = _begun(video, part, on_packet, sure=at > 0)
            if frames is None:  # the seek does not lead there: decode all that is left without jumps
                rest = replace(chunk, times=chunk.times[at:], jumps=())
                yield from _begun(video, rest, on_packet, sure=False) or ()
                return
            yield from frames


def _parts(chunk: Chunk) -> Iterator[tuple[int, Chunk]]:
    """The chunk split at its jumps: the position in its times where each part starts, and the part."""
    starts = (0, *(jump.at for jump in chunk.jumps))
    seeks = (chunk.seeks, *(jump.seeks for jump in chunk.jumps))
    for start, stop, places in zip(starts, (*starts[1:], len(chunk.times)), seeks, strict=True):
        end = chunk.times[stop] if stop < len(chunk.times) else chunk.end
        yield start, replace(chunk, seeks=places, times=chunk.times[start:stop], end=end, jumps=())


def _begun(video: Video, chunk: Chunk, on_packet: Callable[[], None], *, sure: bool) -> Iterator[Timed] | None:
    """The frames of the chunk, decoded from the first seek position that leads to its first frame.

    Where none does: None if sure is set, else the frames that follow the last position.
    """
    seeks = chunk.seeks
    if chunk.clock == "dts":
        # Frames are identified by counting, and those shown before a keyframe but stored after it are counted
        # only where decoding starts at the keyframe before.
        seeks = seeks[1:] or seeks
    for left, dts in zip(reversed(range(len(seeks))), seeks, strict=True):
        frames = _frames(video, chunk, dts, on_packet)
        first = next(frames, None)
        if first is not None and (first[0] == chunk.times[0] or not (left or sure)):
            return chain((first,), frames)
        frames.close()
    return None if sure else iter(())


def _frames(video: Video, chunk: Chunk, dts: int | None, on_packet: Callable[[], None]) -> Generator[Timed, None, None]:
    """The frames of the chunk that can be decoded from dts on; None means from the start of the file."""
    if dts is None:
        packets = video.packets(on_packet)
    else:
        pts = chunk.times[0] if chunk.clock == "pts" and dts == chunk.seeks[0] else None
        packets = video.packets_from(dts, pts, on_packet)
    wanted = set(chunk.times)
    for time, frame in frames_of_packets(packets, video.stream, chunk.clock, frozenset(wanted)):
        if chunk.end is not None and time >= chunk.end:
            return
        if time in wanted:  # the first with this time; duplicates are neither counted nor expected
            wanted.remove(time)
            yield time, frame
        if not wanted:
            return


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
