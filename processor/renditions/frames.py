"""The frames of a video as they are shown, each once, from the first to the last."""

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
    """The frames of the packet index, with the numbers and times that results give them.

    Frames that cannot be decoded are left out.
    """
    times, following = shown(index), 0
    for time, frame in frames_of_packets(video.packets(), video.stream, index.clock):
        number = bisect_left(times, time, following)
        if number < len(times) and times[number] == time:
            following = number + 1
            yield number, time, frame
        if following == len(times):
            return
