"""From a video's bytes to the frames of a chunk, and from a frame to what a model takes."""

import heapq
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, TypeAlias

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from contracts.containers import OPEN_OPTIONS, demuxer
from contracts.errors import DecodeFailed
from contracts.messages import Chunk
from detector.base import Image

# The most frames that a decoder may hold back to bring them into the order of display.
_MAX_REORDER = 16
# Demuxers that search times of display: given a dts they land a keyframe too early.
_SEEK_BY_PTS = ("matroska", "mov")
# Demuxers that work out a dts from the packets before: after a seek it may be another.
_DTS_GUESSED = "matroska"
_FORMATS = {"BGR": "bgr24", "RGB": "rgb24"}

# None is the end of the stream. A string, since the class takes no argument when run.
MaybePacket: TypeAlias = "Packet[VideoStream] | None"
Timed = tuple[int, VideoFrame]


def decode(
    source: BinaryIO, chunk: Chunk, on_packet: Callable[[], None] = lambda: None
) -> Generator[Timed, None, None]:
    """The frames of a chunk with their times, in the order of display, each once.

    source: the whole video; only what the chunk needs is read. on_packet is called for each
    packet, those on the way to the first frame included; what it raises comes through.
    Frames that cannot be decoded are left out. Raises DecodeFailed when the video cannot be opened.
    """
    seeks = chunk.seeks
    if chunk.clock == "dts":
        # Frames are told apart by counting then, and the ones shown before a keyframe but stored
        # after it count only when decoding began at the keyframe before.
        seeks = seeks[1:] or seeks
    for position, dts in enumerate(seeks):
        frames = _frames(source, chunk, dts, on_packet)
        first = next(frames, None)
        if first is not None and (first[0] == chunk.times[0] or position == len(seeks) - 1):
            yield first
            yield from frames
            return
        frames.close()


def _frames(
    source: BinaryIO, chunk: Chunk, dts: int | None, on_packet: Callable[[], None]
) -> Generator[Timed, None, None]:
    """What of the chunk can be decoded beginning at dts; None is the start of the file."""
    wanted = set(chunk.times)
    with _open(source) as container:
        stream = _video_stream(container)
        if dts is not None and not _seek(container, stream, chunk, dts):
            return
        packets = _packets(container, stream, on_packet)
        if dts is not None:
            packets = _from_keyframe(packets, dts, exact=not container.format.name.startswith(_DTS_GUESSED))
        for time, frame in _by_pts(packets, stream) if chunk.clock == "pts" else _by_count(packets, stream):
            if chunk.end is not None and time >= chunk.end:
                return
            if time in wanted:  # the first of a time; others are neither counted nor expected
                wanted.remove(time)
                yield time, frame
            if not wanted:
                return


def _open(source: BinaryIO) -> InputContainer:
    source.seek(0)
    head = source.read(16)
    source.seek(0)
    try:
        return av.open(source, mode="r", format=demuxer(head), options=OPEN_OPTIONS)
    except av.error.FFmpegError as error:
        raise DecodeFailed(f"the video cannot be opened: {error.__class__.__name__}") from error


def _video_stream(container: InputContainer) -> VideoStream:
    """The first stream that is no cover picture: the one that the probe has read."""
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            # Threads of the decoder would take the time of the model's, and give nothing for it.
            stream.thread_type = "NONE"
            stream.codec_context.thread_count = 1
            return stream
    raise DecodeFailed("the file holds no video stream")


def _seek(container: InputContainer, stream: VideoStream, chunk: Chunk, dts: int) -> bool:
    """Go to the packet of that dts, a keyframe; False when the container cannot."""
    target = dts
    if container.format.name.startswith(_SEEK_BY_PTS) and chunk.clock == "pts" and dts == chunk.seeks[0]:
        target = chunk.times[0]
    try:
        container.seek(target, stream=stream, backward=True)
    except (av.error.OSError, av.error.InvalidDataError):
        return False
    return True


def _packets(container: InputContainer, stream: VideoStream, on_packet: Callable[[], None]) -> Iterator[MaybePacket]:
    """The stream's packets, and None at the end: the decoder shall give what it holds back."""
    try:
        for packet in container.demux(stream):
            on_packet()
            if packet.size:
                yield packet
    except av.error.InvalidDataError:
        pass  # a damaged tail: what was read until there counts
    yield None


def _from_keyframe(packets: Iterator[MaybePacket], dts: int, *, exact: bool) -> Iterator[MaybePacket]:
    """The packets from the keyframe of that dts on, none where it does not come.

    A seek may land elsewhere, and in an MPEG program stream the times after it may belong to the
    neighbours; then nothing is better than the wrong frame. exact: False takes any keyframe.
    """
    for packet in packets:
        if packet is None or (exact and packet.dts is not None and packet.dts > dts):
            return
        if packet.is_keyframe and (not exact or packet.dts == dts):
            yield packet
            yield from packets


def _decoded(packet: MaybePacket, stream: VideoStream) -> list[VideoFrame]:
    """The frames that come out when a packet goes in; none from a damaged one."""
    try:
        return list(stream.codec_context.decode(packet))
    except av.error.MemoryError:
        raise  # not the packet's fault: another try may succeed
    except av.error.FFmpegError:
        return []


def _by_pts(packets: Iterator[MaybePacket], stream: VideoStream) -> Iterator[Timed]:
    for packet in packets:
        for frame in _decoded(packet, stream):
            if frame.pts is not None:
                yield frame.pts, frame


def _by_count(packets: Iterator[MaybePacket], stream: VideoStream) -> Iterator[Timed]:
    """The n-th frame shown has the n-th time of decoding, for containers without times of display.

    A frame carries the dts of its own packet through the decoder, and waits until those of all
    smaller ones have come out or are lost: times go out sorted, frames in the order that the
    decoder gave.
    """
    frames: deque[VideoFrame] = deque()
    times: list[int] = []
    inside: list[int] = []  # dts of the packets that the decoder holds, rising
    for packet in packets:
        if packet is not None:
            packet.pts = packet.dts
            if packet.dts is not None:
                insort(inside, packet.dts)
        for frame in _decoded(packet, stream):
            if frame.pts is None:
                continue
            frames.append(frame)
            heapq.heappush(times, frame.pts)
            inside = [dts for dts in inside if dts != frame.pts]
            while times and (not inside or times[0] < inside[0] or len(frames) > _MAX_REORDER):
                time = heapq.heappop(times)
                inside = inside[bisect_left(inside, time) :]  # those before it are lost
                yield time, frames.popleft()
    while frames:
        yield heapq.heappop(times), frames.popleft()


@dataclass(frozen=True, slots=True)
class ToImage:
    """Frames of one stream as images: upright, of the model's size and colour order.

    rotation: degrees clockwise that a player turns the frame by: 0, 90, 180 or 270.
    size: (width, height) in pixels. channels: "BGR" or "RGB".
    """

    rotation: int
    size: tuple[int, int]
    channels: str
    # Keeps its tables from frame to frame.
    _reformatter: VideoReformatter = field(default_factory=VideoReformatter)

    def __call__(self, frame: VideoFrame) -> Image:
        """uint8 [height, width, 3], C-contiguous."""
        # Scaled before it is turned, since that is the cheaper order.
        width, height = self.size if self.rotation % 180 == 0 else self.size[::-1]
        scaled = self._reformatter.reformat(
            frame, width, height, _FORMATS[self.channels], interpolation="BILINEAR", threads=1
        )
        image: Image = np.rot90(scaled.to_ndarray(), -self.rotation // 90)
        return np.ascontiguousarray(image)
