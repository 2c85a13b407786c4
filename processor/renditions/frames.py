"""The displayed frames of a video in order, each once: all of them, or chosen ones."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import BinaryIO

from av.video.frame import VideoFrame
from msgspec import UNSET

from contracts.errors import DecodeFailed, VideoRefused
from contracts.wire.messages import PacketIndex
from media.frames_of_packets import frames_of_packets
from media.frames_of_stretches import frames_of_stretches
from media.seekable_video import Video
from processor.core.cutting import Cutter
from processor.core.frame_order import frame_order

# (number, time in units of the stream's time base, frame)
NumberedFrame = tuple[int, int, VideoFrame]


@contextmanager
def opened(source: BinaryIO, index: PacketIndex) -> Iterator[Video]:
    """An open video. Raises VideoRefused."""
    try:
        video = Video(source, index.pids)
    except DecodeFailed as error:
        raise VideoRefused(error.detail) from error
    with closing(video):
        yield video


def numbered_frames(video: Video, index: PacketIndex) -> Iterator[NumberedFrame]:
    """The frames of the packet index, with the frame numbers and times of the results.

    Skips frames that cannot be decoded.
    """
    order = frame_order(index)
    last = len(order.times) - 1
    # In an AVI, the index of release 1.0 does not say which packet is shown when.
    counted = index.clock == "dts" and index.frames is UNSET
    for position, (packet, frame) in enumerate(frames_of_packets(video.packets(), video.stream)):
        if (number := min(position, last) if counted else order.ranks.get(packet)) is not None:
            yield number, order.times[number], frame
            if number == last:
                return


def chosen_frames(video: Video, index: PacketIndex, numbers: Sequence[int]) -> Iterator[NumberedFrame]:
    """The frames of these numbers (rising, at least one), as detectors find them: from their keyframes on.

    Skips frames that cannot be decoded.
    """
    span = Cutter(index).reach(numbers)
    frames = frames_of_stretches(video, span.packets, span.stretches, index.frames is not UNSET)
    return ((numbers[place], span.times[place], frame) for place, frame in frames)
