"""A video as packets: opened, sought, read."""

from collections.abc import Callable, Iterator
from typing import BinaryIO, TypeAlias

import av
import av.subtitles.codeccontext  # what opens a container imports these else, where no file can be opened any more
import av.subtitles.stream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream

from contracts.errors import DecodeFailed
from media.demuxers import MAX_STREAMS, OPEN_OPTIONS, demuxer

# Demuxers that search times of display: given a dts they land a keyframe too early.
_SEEK_BY_PTS = ("matroska", "mov")
# Demuxers that work out a dts from the packets before: after a seek it may be another.
_DTS_GUESSED = "matroska"

# None is the end of the stream. A string, since the class takes no argument when run.
MaybePacket: TypeAlias = "Packet[VideoStream] | None"
OnPacket = Callable[[], None]


class Video:
    """The first stream of a file that is no cover picture: the one that the probe has read.

    Packets come in the order of decoding, and None at the end: the decoder shall give what it holds
    back. A call for packets ends the one before.
    """

    def __init__(self, source: BinaryIO) -> None:
        """Raises DecodeFailed when the file cannot be opened."""
        self._source = source
        self._used = False
        self._open()

    def packets(self, on_packet: OnPacket) -> Iterator[MaybePacket]:
        """All packets. on_packet is called for each; what it raises comes through."""
        if self._used:  # a seek to the start would leave packets out where times are negative or wrap
            self.close()
            self._open()
        self._used = True
        return self._read(on_packet)

    def packets_from(self, dts: int, pts: int | None, on_packet: OnPacket) -> Iterator[MaybePacket]:
        """The packets from the keyframe with that dts on, none where it cannot be found.

        pts: its time of display, where it is known.
        """
        self._used = True
        by_pts = pts is not None and self._container.format.name.startswith(_SEEK_BY_PTS)
        try:
            self._container.seek(pts if by_pts and pts is not None else dts, stream=self.stream, backward=True)
        except (av.error.OSError, av.error.InvalidDataError):
            return iter(())
        exact = not self._container.format.name.startswith(_DTS_GUESSED)
        return _from_keyframe(self._read(on_packet), dts, exact=exact)

    def close(self) -> None:
        """Let go of the container; the source stays open."""
        self._container.close()

    def _open(self) -> None:
        self._container = _container(self._source)
        self.stream = _stream(self._container)
        self._used = False

    def _read(self, on_packet: OnPacket) -> Iterator[MaybePacket]:
        try:
            for packet in self._container.demux(self.stream):
                on_packet()
                if packet.size:
                    yield packet
        except av.error.InvalidDataError:
            pass  # a damaged tail: what was read until there counts
        yield None


def _container(source: BinaryIO) -> InputContainer:
    source.seek(0)
    head = source.read(16)
    source.seek(0)
    try:
        return av.open(source, mode="r", format=demuxer(head), options=OPEN_OPTIONS)
    except av.error.FFmpegError as error:
        raise DecodeFailed(f"the video cannot be opened: {error.__class__.__name__}") from error


def _stream(container: InputContainer) -> VideoStream:
    if len(container.streams) > MAX_STREAMS:
        raise DecodeFailed(f"the file holds {len(container.streams)} streams; at most {MAX_STREAMS} are read")
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            # Threads of the decoder would take the time of the model's, and give nothing for it.
            stream.thread_type = "NONE"
            stream.codec_context.thread_count = 1
            return stream
    raise DecodeFailed("the file holds no video stream")


def _from_keyframe(packets: Iterator[MaybePacket], dts: int, *, exact: bool) -> Iterator[MaybePacket]:
    """A seek may land elsewhere, and in an MPEG program stream the times after it may belong to the
    neighbours; then nothing is better than the wrong frame. exact: False takes any keyframe."""
    for packet in packets:
        if packet is None or (exact and packet.dts is not None and packet.dts > dts):
            return
        if packet.is_keyframe and (not exact or packet.dts == dts):
            yield packet
            yield from packets
