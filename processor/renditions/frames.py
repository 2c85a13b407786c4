"""The frames of a video as they are shown, each once, from the first to the last."""

import heapq
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import av
import av.subtitles.codeccontext  # what opens a container imports these else, where no file can be opened any more
import av.subtitles.stream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from contracts.errors import VideoRefused
from contracts.wire.messages import PacketIndex
from media.demuxers import OPEN_OPTIONS, demuxer
from processor.core.cutting import shown

# (number, time in the clock's units, frame)
Shot = tuple[int, int, VideoFrame]
_Timed = tuple[int, VideoFrame]
_LEAST_HELD = 4
_MOST_HELD = 16


@contextmanager
def opened(source: BinaryIO) -> Iterator[tuple[InputContainer, VideoStream]]:
    """A video and the stream of it that the probe has read. Raises VideoRefused."""
    head = source.read(16)
    source.seek(0)
    try:
        with av.open(source, mode="r", format=demuxer(head), options=OPEN_OPTIONS) as container:
            streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
            if not streams:
                raise VideoRefused("the file holds no video stream")
            # One thread: its memory is bounded, and others have work on this machine too.
            streams[0].thread_type = "NONE"
            streams[0].codec_context.thread_count = 1
            yield container, streams[0]
    except av.error.InvalidDataError as error:
        raise VideoRefused("the video cannot be opened: its file is damaged") from error


def shots(container: InputContainer, stream: VideoStream, index: PacketIndex) -> Iterator[Shot]:
    """The frames that count, with the numbers and times that results give them.

    Those that cannot be decoded are left out.
    """
    times, following = shown(index), 0
    for time, frame in (_by_pts if index.clock == "pts" else _by_count)(container, stream):
        number = bisect_left(times, time, following)
        if number < len(times) and times[number] == time:
            following = number + 1
            yield number, time, frame
        if following == len(times):
            return


def _by_pts(container: InputContainer, stream: VideoStream) -> Iterator[_Timed]:
    for packet in _packets(container, stream):
        for frame in _decoded(packet, stream):
            if frame.pts is not None:
                yield frame.pts, frame


def _by_count(container: InputContainer, stream: VideoStream) -> Iterator[_Timed]:
    """The n-th frame shown has the n-th time of decoding, for containers without times of display.

    A frame carries the dts of its packet through the decoder; so many are held back that the smallest of them is
    the time of the one that is shown next.
    """
    frames: deque[VideoFrame] = deque()
    times: list[int] = []
    for packet in _packets(container, stream):
        if packet is not None:
            packet.pts = packet.dts
        for frame in _decoded(packet, stream):
            if frame.pts is not None:
                frames.append(frame)
                heapq.heappush(times, frame.pts)
        held = min(max(2 * stream.codec_context.has_b_frames, _LEAST_HELD), _MOST_HELD)
        while len(frames) > held:
            yield heapq.heappop(times), frames.popleft()
    while frames:
        yield heapq.heappop(times), frames.popleft()


def _packets(container: InputContainer, stream: VideoStream) -> "Iterator[Packet[VideoStream] | None]":
    """All packets, and None at the end: the decoder shall give what it holds back."""
    try:
        for packet in container.demux(stream):
            if packet.size:
                yield packet
    except av.error.InvalidDataError:
        pass  # a damaged tail: what was read until there counts
    yield None


def _decoded(packet: "Packet[VideoStream] | None", stream: VideoStream) -> list[VideoFrame]:
    try:
        return list(stream.codec_context.decode(packet))
    except av.error.MemoryError:
        raise
    except av.error.FFmpegError:
        return []
