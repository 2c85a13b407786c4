"""All displayed frames of a video in order, each once."""

from bisect import bisect_left
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import BinaryIO

from av.video.frame import VideoFrame

from contracts.errors import DecodeFailed, VideoRefused
from contracts.wire.messages import PacketIndex
from media.frames_of_packets import frames_of_packets
from media.seekable_video import Video
from processor.core.cutting import shown

# (number, time in units of the stream's time base, frame)
NumberedFrame = tuple[int, int, VideoFrame]


@contextmanager
def opened(source: BinaryIO) -> Iterator[Video]:
    """An open video. Raises VideoRefused."""
    try:
        video = Video(source)
    except DecodeFailed as error:
        raise VideoRefused(error.detail) from error
    with closing(video):
        yield video


def numbered_frames(video: Video, index: PacketIndex) -> Iterator[NumberedFrame]:
    """The frames of the packet index, with the frame numbers and times of the results.

    Skips frames that cannot be decoded.
    """
    times, following = shown(index), 0
    for time, frame in frames_of_packets(video.packets(), video.stream, index.clock):
        number = bisect_left(times, time, following)
        if number < len(times) and times[number] == time:
            following = number + 1
            yield number, time, frame
        if following == len(times):
            return
