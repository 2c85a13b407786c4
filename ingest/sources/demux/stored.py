"""A stored video as a live source. For sandboxed processes."""

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

import av

from contracts.errors import DecodeFailed, VideoRefused
from contracts.live.streams import Reason
from contracts.storage.range_reader import watched
from ingest.sources.demux.messages import Item, Looped
from ingest.sources.demux.pace import Loop
from ingest.sources.demux.packets import Packets
from ingest.sources.port import SourceFailed, SourcePacket
from media.file_handover import taken
from media.orientation import shown
from media.seekable_video import open_container, video_stream


def stored(descriptor: int) -> Iterator[Item]:
    """The items of a video that was handed over, at its own pace, without end.

    Raises SourceFailed, StorageUnavailable.
    """
    with taken(descriptor) as file, watched(file) as source:
        try:
            rotation = _rotation(source)
            loop = Loop(time.monotonic, time.sleep)
            while True:
                yield from _turn(source, rotation, loop)
                if loop.is_empty:
                    raise _unreadable("no frame of the video can be read")
                yield Looped()
        except (DecodeFailed, VideoRefused) as error:
            raise _unreadable(error.detail) from None
        except (av.error.FFmpegError, UnicodeDecodeError):
            raise _unreadable("the video cannot be opened") from None


def _turn(source: BinaryIO, rotation: int, loop: Loop) -> Iterator[Item]:
    """The video once, from its start to its end or to where it is damaged."""
    with open_container(source) as container:
        stream = video_stream(container)
        if stream is None:
            raise _unreadable("the file holds no video")
        packets = Packets(stream, rotation)
        loop.begin(packets.step)
        with suppress(av.error.InvalidDataError):
            for packet in container.demux(stream):
                for item in packets.items(packet, 0):
                    yield loop.placed(item) if isinstance(item, SourcePacket) else item


def _rotation(source: BinaryIO) -> int:
    """Degrees clockwise by which players turn the video: only its first frame tells."""
    with open_container(source) as container, suppress(av.error.InvalidDataError):
        stream = video_stream(container)
        for packet in container.demux(stream) if stream else ():
            for frame in packet.decode():
                return shown(frame, bytes(packet)).rotation
    return 0


def _unreadable(detail: str) -> SourceFailed:
    return SourceFailed(Reason.NOT_A_STREAM, detail, permanent=True)
