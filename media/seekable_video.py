"""The one way to open an uploaded video, and a video as packets that can be sought."""

from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import BinaryIO, TypeAlias

import av
import av.subtitles.codeccontext  # av.open() imports these lazily, which the sandbox would not allow any more
import av.subtitles.stream
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream
from msgspec import UNSET, UnsetType

from contracts.errors import DecodeFailed, VideoRefused
from contracts.wire.messages import SeekPoint
from media.demuxers import MAX_STREAMS, OPEN_OPTIONS, PATIENCE, RAW, demuxer
from media.heif import tiling
from media.stream_choice import chosen, undecided
from media.tiles import put_together
from media.transport_stream import one_video

# Demuxers that find a place by its first byte. Their clocks may begin anew, so that a time is no place.
_SEEK_BY_BYTE = ("mpegts", "mpeg", "flv", *RAW)
# Demuxers that seek by pts: given a dts, they land a keyframe too early.
_SEEK_BY_PTS = ("matroska", "mov")
# The most packets read after a seek in search of the keyframe, before the file is read from its start instead.
_SEARCH_PACKETS = 500
_HEAD_BYTES = 16

# None marks the end of the stream. A string, since the class cannot be subscripted at run time.
MaybePacket: TypeAlias = "Packet[VideoStream] | None"
# With the packet's number in decoding order, from 0; that of None is the number of packets.
NumberedPacket = tuple[int, MaybePacket]
OnPacket = Callable[[], None]


def open_container(source: BinaryIO) -> InputContainer:
    """Open a file with the allowed demuxers and without any protocol, from its start.

    The container reads from source, which stays open when it is closed. A photograph in tiles is put together, and the
    container is that of the whole. Raises av.error.FFmpegError and UnicodeDecodeError (unreadable), VideoRefused.
    """
    parts = tiling(source)
    if parts is not None:
        source = put_together(source, parts)
    container = _opened(source, OPEN_OPTIONS)
    if undecided(container.streams.video):
        container.close()
        container = _opened(source, OPEN_OPTIONS | PATIENCE)
    count = len(container.streams)
    if count > MAX_STREAMS:
        container.close()
        raise VideoRefused(f"it has {count} streams; at most {MAX_STREAMS} are accepted")
    return container


def _opened(source: BinaryIO, options: dict[str, str]) -> InputContainer:
    source.seek(0)
    head = source.read(_HEAD_BYTES)
    source.seek(0)
    return av.open(source, mode="r", format=demuxer(head), options=options)


def video_stream(container: InputContainer) -> VideoStream | None:
    """The video stream that players show (see media.stream_choice), set to decode in one thread."""
    stream = chosen(container.streams.video)
    if stream is not None and stream.codec_context is not None:  # it is None where the codec cannot be decoded
        # Decoder threads would need memory, and take CPU time from the model's threads for no gain.
        stream.thread_type = "NONE"
        stream.codec_context.thread_count = 1
    return stream


def _ignore() -> None:
    return


class Video:
    """The video stream of a file (see video_stream) as numbered packets.

    Packets come in decoding order, followed by None, which makes the decoder return the frames it holds back. A call
    of packets or packets_from ends the iterator of the call before.
    """

    def __init__(self, source: BinaryIO, pids: tuple[int, ...] | UnsetType = UNSET) -> None:
        """pids: as in the packet index. Raises DecodeFailed when the file cannot be opened or has no video stream."""
        self._source = one_video(source, pids or ())
        self._used = False
        self._open()

    def packets(self, on_packet: OnPacket = _ignore, first: int = 0) -> Iterator[NumberedPacket]:
        """All packets from the one numbered first on, read from the start of the file.

        on_packet is called for each that is read; what it raises passes through.
        """
        if self._used:  # a seek to the start would skip packets where times are negative or wrap
            self.close()
            self._open()
        self._used = True
        return islice(numbered_packets(self._container, self.stream, on_packet), first, None)

    def packets_from(self, point: SeekPoint, on_packet: OnPacket = _ignore) -> Iterator[NumberedPacket]:
        """The packets from a keyframe on. Where a seek does not find it, the file is read from its start."""
        self._used = True
        packets = self._sought(point, on_packet)
        for packet in islice(packets, _SEARCH_PACKETS):
            if packet is None or _is_past(packet, point):
                break
            if _is_at(packet, point):
                found = enumerate(chain([packet], packets), point.packet - point.location.ahead)
                return islice(found, point.location.ahead, None)
        return self.packets(on_packet, point.packet)

    def _sought(self, point: SeekPoint, on_packet: OnPacket) -> Iterator[MaybePacket]:
        """The packets from where a seek to the point leads; none where it fails."""
        name, position = self._container.format.name, point.location.position
        time = point.pts if name.startswith(_SEEK_BY_PTS) and point.pts is not None else point.dts
        try:
            if name in _SEEK_BY_BYTE and position is not None:
                self._container.seek(position, unsupported_byte_offset=True)
            elif time is not None and point.location.size:
                self._container.seek(time, stream=self.stream, backward=True)
            else:
                return iter(())
        except (av.error.OSError, av.error.InvalidDataError):
            return iter(())
        return _read(self._container, self.stream, on_packet)

    def close(self) -> None:
        """Close the container; the source stays open."""
        self._container.close()

    def _open(self) -> None:
        try:
            self._container = open_container(self._source)
        except VideoRefused as error:
            raise DecodeFailed(error.detail) from error
        except av.error.MemoryError:
            raise  # not the fault of the file
        except av.error.FFmpegError as error:
            raise DecodeFailed(f"the video cannot be opened: {error.strerror or type(error).__name__}") from error
        except UnicodeDecodeError as error:
            raise DecodeFailed("the video cannot be opened: its metadata is damaged") from error
        stream = video_stream(self._container)
        if stream is None:
            raise DecodeFailed("the file holds no video stream")
        self.stream = stream
        self._used = False


def numbered_packets(
    container: InputContainer, stream: VideoStream, on_packet: OnPacket = _ignore
) -> Iterator[NumberedPacket]:
    """The packets of a stream of a container that was just opened, and None at their end."""
    return enumerate(_read(container, stream, on_packet))


def _read(container: InputContainer, stream: VideoStream, on_packet: OnPacket) -> Iterator[MaybePacket]:
    try:
        for packet in container.demux(stream):
            on_packet()
            if packet.size:
                yield packet
    except av.error.InvalidDataError:
        pass  # a damaged tail: what was read before it counts
    yield None


def _is_at(packet: "Packet[VideoStream]", point: SeekPoint) -> bool:
    """Whether this is the packet that the point is found by.

    Times after a seek may be those of neighbouring packets, so they count only where positions are not known.
    """
    if point.location.position is None:
        return packet.dts == point.dts and packet.size == point.location.size
    return packet.pos == point.location.position and packet.size == point.location.size


def _is_past(packet: "Packet[VideoStream]", point: SeekPoint) -> bool:
    """Whether the packet that the point is found by can only come before this one."""
    if point.location.position is None:
        return packet.dts is not None and point.dts is not None and packet.dts > point.dts
    return packet.pos is not None and packet.pos > point.location.position
