"""All displayed frames of a video in order, each once."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import BinaryIO

from av.video.frame import VideoFrame
from msgspec import UNSET

from contracts.errors import DecodeFailed, VideoRefused
from contracts.wire.messages import PacketIndex
from media.frames_of_packets import frames_of_packets
from media.seekable_video import Video
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
