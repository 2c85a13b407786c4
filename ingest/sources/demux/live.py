"""A live source whose bytes come on a socket. For sandboxed processes."""

import socket
import time
from collections.abc import Iterator
from typing import Any

import av
import av.subtitles.codeccontext  # av.open() imports these lazily, which the sandbox would not allow any more
import av.subtitles.stream
from av.container import InputContainer
from av.video.stream import VideoStream

from contracts.live.streams import Reason
from ingest.sources.demux.messages import Item
from ingest.sources.demux.pace import Haste
from ingest.sources.demux.packets import Packets
from ingest.sources.port import SourceFailed, SourcePacket
from media.stream_choice import chosen

# Microseconds and bytes for which FFmpeg looks for the streams; without a rate to guess it mostly needs less.
_OPTIONS = {"protocol_whitelist": "", "analyzeduration": "3000000", "probesize": "5000000", "fpsprobesize": "0"}
_NAMES = {"mpegts": "MPEG-TS", "mov": "fragmented mp4"}


class _Bytes:
    """What PyAV reads from."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line

    def read(self, count: int) -> bytes:
        return self._line.recv(count)


def live(line: socket.socket, demuxer: str) -> Iterator[Item]:
    """The items of a source until it ends. demuxer: "mpegts" or "mov". Raises SourceFailed."""
    name = _NAMES[demuxer]
    source: Any = _Bytes(line)
    try:
        with av.open(source, mode="r", format=demuxer, options={**_OPTIONS, "format_whitelist": demuxer}) as container:
            stream = chosen(container.streams.video)
            if stream is None:
                raise SourceFailed(Reason.NOT_A_STREAM, f"there is no video in the {name} of this address")
            if stream.codec_context is None:
                detail = "the source sends a codec that cannot be decoded: set it to H.264 or H.265"
                raise SourceFailed(Reason.UNSUPPORTED_CODEC, detail, permanent=True)
            yield from _followed(container, stream)
    except (av.error.FFmpegError, UnicodeDecodeError):
        raise SourceFailed(Reason.NOT_A_STREAM, f"what the address sends cannot be read as {name}") from None


def _followed(container: InputContainer, stream: VideoStream) -> Iterator[Item]:
    """The items of a source that could be opened, until it ends or breaks off."""
    packets, haste = Packets(stream), Haste(time.monotonic)
    try:
        for packet in container.demux(stream):
            for item in packets.items(packet, time.time()):
                if isinstance(item, SourcePacket) and haste.sees(item):
                    detail = "the address sends a file: import it as a video, and choose that as the source"
                    raise SourceFailed(Reason.NOT_A_STREAM, detail, permanent=True)
                yield item
    except av.error.FFmpegError:
        raise SourceFailed(Reason.LOST, "the source broke off, or is damaged from here on") from None
    raise SourceFailed(Reason.LOST, "the source ended or closed the connection")
