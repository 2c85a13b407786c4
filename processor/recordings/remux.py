"""From the fragments of a recording to an ordinary mp4 with its index at the front, without transcoding."""

import errno
import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, BinaryIO, cast

import av
from av.container import OutputContainer
from av.packet import Packet

from contracts.errors import VideoRefused
from contracts.live.streams import TICKS_PER_SECOND
from media import jpeg
from media.seekable_video import open_container, video_stream
from processor.recordings.fragments import Beginning, is_pictures, pictures, whole_size
from processor.recordings.protocol import Report

_TICK = Fraction(1, TICKS_PER_SECOND)
_OPTIONS = {"movflags": "+faststart", "video_track_timescale": str(TICKS_PER_SECOND)}
_ONLY_PICTURE_TICKS = TICKS_PER_SECOND // 25
_EMPTY = "no whole frame of the recording was written"


class Sink(io.RawIOBase):
    """Writes to a file all that it gets, where a file that is unbuffered may write less. full: whether it could not for
    want of room, which the muxer's error does not say."""

    def __init__(self, file: io.FileIO) -> None:
        super().__init__()
        self._file = file
        self.full = False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def write(self, data: "bytes | bytearray | memoryview") -> int:  # type: ignore[override]
        view = memoryview(data).cast("B")
        done = 0
        try:
            while done < len(view):
                done += self._file.write(view[done:])
        except OSError as error:
            self.full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            raise
        return done


@dataclass(frozen=True, slots=True)
class Target:
    """An empty file, opened twice. again: for reading by the muxer, which moves the index to the front."""

    sink: Sink
    again: BinaryIO


def remux(source: BinaryIO, target: Target) -> Report:
    """Write the video of a recording. What is cut short at its end is left out. Raises VideoRefused when nothing is
    whole, av.error.FFmpegError."""
    if is_pictures(source):
        return _of_pictures(source, target)
    size = whole_size(source)
    if not size:
        raise VideoRefused(_EMPTY)
    with open_container(cast(BinaryIO, Beginning(source, size))) as reader:
        stream = video_stream(reader)
        if stream is None:
            raise VideoRefused("the recording has no video")
        with _writer(target) as writer:
            made: Any = writer.add_stream_from_template(stream, opaque=True)
            return _written(writer, made, reader.demux(stream))


def _of_pictures(source: BinaryIO, target: Target) -> Report:
    first = next(pictures(source), None)
    size = jpeg.size(first[1]) if first else None
    if size is None:
        raise VideoRefused(_EMPTY)
    with _writer(target) as writer:
        made: Any = writer.add_mux_stream("mjpeg", width=size[0], height=size[1])
        return _written(writer, made, _packets(pictures(source)))


def _packets(found: Iterable[tuple[int, bytes]]) -> Iterator["Packet[Any]"]:
    """A packet for each picture, which lasts until the next one; the last one as long as the one before."""
    before: tuple[int, bytes] | None = None
    duration = _ONLY_PICTURE_TICKS
    for pts, data in found:
        if before is not None:
            duration = pts - before[0]
            yield _packet(*before, duration)
        before = (pts, data)
    if before is not None:
        yield _packet(*before, duration)


def _packet(pts: int, data: bytes, duration: int) -> "Packet[Any]":
    packet: Packet[Any] = Packet(data)
    packet.pts = packet.dts = pts
    packet.duration = duration
    packet.time_base = _TICK
    packet.is_keyframe = True
    return packet


@contextmanager
def _writer(target: Target) -> Iterator[OutputContainer]:
    with av.open(target.sink, "w", format="mp4", options=_OPTIONS, io_open=lambda *_: target.again) as writer:
        yield writer


def _written(writer: OutputContainer, stream: Any, packets: Iterable["Packet[Any]"]) -> Report:
    """Write packets whose times count from the first keyframe. Frames that are shown before it refer to others, which
    are not there."""
    stream.time_base = _TICK
    start: int | None = None
    end = frames = 0
    for packet in packets:
        if packet.pts is None or packet.dts is None or (start is None and not packet.is_keyframe):
            continue
        pts, dts = _ticks(packet.pts, packet), _ticks(packet.dts, packet)
        duration = _ticks(packet.duration or 0, packet)
        if start is None:
            start = pts
        if pts < start:
            continue
        packet.pts, packet.dts, packet.duration = pts - start, dts - start, duration
        packet.time_base = _TICK
        packet.stream = stream
        writer.mux(packet)
        frames, end = frames + 1, max(end, pts + duration)
    if start is None:
        raise VideoRefused(_EMPTY)
    return Report(start, end, frames)


def _ticks(time: int, packet: "Packet[Any]") -> int:
    return round(time * (packet.time_base or _TICK) / _TICK)
