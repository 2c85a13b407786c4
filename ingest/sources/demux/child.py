"""Demuxes one source in a sandbox. Runs as a process of its own.

    python -m ingest.sources.demux.child LINE PARENT FORMAT
    python -m ingest.sources.demux.child LINE PARENT stored DESCRIPTOR

LINE is the descriptor of a socket, on which ingest.sources.demux.messages are sent. A live source's bytes come on it,
too, and FORMAT is their demuxer; a stored video is read from DESCRIPTOR, which the parent handed over, and looped. The
parent's process number is PARENT. A hostile source can only end this process: see media.sandbox.
"""

import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from contracts.errors import DecodeFailed, StorageUnavailable, VideoRefused
from contracts.live.streams import Reason
from contracts.storage.range_reader import watched
from ingest.sources.demux.looping import Loop
from ingest.sources.demux.messages import Ended, Item, Looped, encode
from ingest.sources.demux.packets import Packets
from ingest.sources.port import SourceFailed, SourcePacket
from media import sandbox
from media.file_handover import STORAGE_FAILED, taken
from media.seekable_video import open_container, video_stream

STORED = "stored"
_MEMORY_BYTES = 1024**3
_CPU_SECONDS = 2**30  # a camera is read for years; the parent ends what hangs
# Microseconds and bytes for which FFmpeg looks for the streams; without a rate to guess it mostly needs less.
_LIVE_OPTIONS = {"protocol_whitelist": "", "analyzeduration": "3000000", "probesize": "5000000", "fpsprobesize": "0"}
_NAMES = {"mpegts": "MPEG-TS", "mov": "fragmented mp4"}


class _Bytes:
    """What PyAV reads a live source from."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line

    def read(self, count: int) -> bytes:
        return self._line.recv(count)


def live(line: socket.socket, demuxer: str) -> Iterator[Item]:
    """The items of a live source until it ends. Raises SourceFailed."""
    name = _NAMES[demuxer]
    source: Any = _Bytes(line)
    options = {**_LIVE_OPTIONS, "format_whitelist": demuxer}
    try:
        with av.open(source, mode="r", format=demuxer, options=options) as container:
            stream = video_stream(container)
            if stream is None:
                raise SourceFailed(Reason.NOT_A_STREAM, f"there is no video in the {name} of this address")
            yield from _followed(container, stream)
    except (av.error.FFmpegError, UnicodeDecodeError):
        raise SourceFailed(Reason.NOT_A_STREAM, f"what the address sends cannot be read as {name}") from None
    raise SourceFailed(Reason.LOST, "the source ended")


def _followed(container: InputContainer, stream: VideoStream) -> Iterator[Item]:
    """The items of a live source that could be opened, until it ends or breaks off."""
    packets = Packets(stream)
    try:
        for packet in container.demux(stream):
            yield from packets.items(packet, time.time())
    except av.error.FFmpegError:
        raise SourceFailed(Reason.LOST, "the source broke off, or is damaged from here on") from None


def stored(descriptor: int) -> Iterator[Item]:
    """The items of a stored video, at its own pace, without end. Raises SourceFailed, StorageUnavailable."""
    with taken(descriptor) as file, watched(file) as source:
        loop = Loop(time.monotonic, time.sleep)
        while True:
            try:
                with open_container(source) as container:
                    stream = video_stream(container)
                    if stream is None:
                        raise SourceFailed(Reason.NOT_A_STREAM, "the file holds no video", permanent=True)
                    packets = Packets(stream)
                    loop.begin(packets.step)
                    for packet in container.demux(stream):
                        for item in packets.items(packet, 0):
                            yield loop.placed(item) if isinstance(item, SourcePacket) else item
            except av.error.InvalidDataError:
                pass  # a damaged tail: what was read before it counts
            except (DecodeFailed, VideoRefused) as error:
                raise SourceFailed(Reason.NOT_A_STREAM, error.detail, permanent=True) from None
            if loop.is_empty:
                raise SourceFailed(Reason.NOT_A_STREAM, "no frame of the video can be read", permanent=True)
            yield Looped()


def main(arguments: list[str]) -> int:
    """Entry point of the sandboxed process."""
    descriptor, parent, kind, *rest = arguments
    with socket.socket(fileno=int(descriptor)) as line, suppress(BrokenPipeError, ConnectionResetError):
        sandbox.enter(sandbox.Bounds(_MEMORY_BYTES, _CPU_SECONDS), int(parent))
        try:
            for item in stored(int(rest[0])) if kind == STORED else live(line, kind):
                line.sendall(encode(item))
        except SourceFailed as error:
            line.sendall(encode(Ended(error.reason, error.detail, error.permanent)))
        except MemoryError:
            line.sendall(encode(Ended(Reason.SOURCE_BROKEN, "reading the source takes more memory than is allowed")))
        except StorageUnavailable:
            return STORAGE_FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
