"""The one way to open an uploaded video, and a video as packets that can be sought."""

from collections.abc import Callable, Iterator
from typing import BinaryIO, TypeAlias

import av
import av.subtitles.codeccontext  # av.open() imports these lazily, which the sandbox would not allow any more
import av.subtitles.stream
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from contracts.errors import DecodeFailed, VideoRefused
from media.demuxers import MAX_STREAMS, OPEN_OPTIONS, demuxer
from media.heif import tiling
from media.stream_choice import chosen
from media.tiles import put_together

# Demuxers that seek by pts: given a dts, they land a keyframe too early.
_SEEK_BY_PTS = ("matroska", "mov")
# Demuxers that compute a dts from the packets before it: after a seek it may differ.
_DTS_GUESSED = "matroska"
_HEAD_BYTES = 16

# None marks the end of the stream. A string, since the class cannot be subscripted at run time.
MaybePacket: TypeAlias = "Packet[VideoStream] | None"
OnPacket = Callable[[], None]


def open_container(source: BinaryIO) -> InputContainer:
    """Open a file with the allowed demuxers and without any protocol, from its start.

    The container reads from source, which stays open when it is closed. A photograph in tiles is put together, and the
    container is that of the whole. Raises av.error.FFmpegError and UnicodeDecodeError (unreadable), VideoRefused.
    """
    parts = tiling(source)
    if parts is not None:
        source = put_together(source, parts)
    source.seek(0)
    head = source.read(_HEAD_BYTES)
    source.seek(0)
    container = av.open(source, mode="r", format=demuxer(head), options=OPEN_OPTIONS)
    count = len(container.streams)
    if count > MAX_STREAMS:
        container.close()
        raise VideoRefused(f"it has {count} streams; at most {MAX_STREAMS} are accepted")
    return container


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
    """The video stream of a file (see video_stream) as packets.

    Packets come in decoding order, followed by None, which makes the decoder return the frames it holds back. A call
    of packets or packets_from ends the iterator of the call before.
    """

    def __init__(self, source: BinaryIO) -> None:
        """Raises DecodeFailed when the file cannot be opened or has no video stream."""
        self._source = source
        self._used = False
        self._open()

    def packets(self, on_packet: OnPacket = _ignore) -> Iterator[MaybePacket]:
        """All packets. on_packet is called for each; what it raises passes through."""
        if self._used:  # a seek to the start would skip packets where times are negative or wrap
            self.close()
            self._open()
        self._used = True
        return self._read(on_packet)

    def packets_from(self, dts: int, pts: int | None, on_packet: OnPacket) -> Iterator[MaybePacket]:
        """The packets from the keyframe with that dts on; none where it cannot be found.

        pts: of that keyframe, where known.
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
        stream = video_stream(self._container)
        if stream is None:
            raise DecodeFailed("the file holds no video stream")
        self.stream = stream
        self._used = False

    def _read(self, on_packet: OnPacket) -> Iterator[MaybePacket]:
        try:
            for packet in self._container.demux(self.stream):
                on_packet()
                if packet.size:
                    yield packet
        except av.error.InvalidDataError:
            pass  # a damaged tail: what was read before it counts
        yield None


def _from_keyframe(packets: Iterator[MaybePacket], dts: int, *, exact: bool) -> Iterator[MaybePacket]:
    """The packets from the keyframe with that dts on, after a seek that may have landed elsewhere.

    In an MPEG program stream the times after a seek may be those of neighbouring packets; no frame is better than a
    wrong one then. exact False takes the first keyframe, whatever its dts.
    """
    for packet in packets:
        if packet is None or (exact and packet.dts is not None and packet.dts > dts):
            return
        if packet.is_keyframe and (not exact or packet.dts == dts):
            yield packet
            yield from packets
