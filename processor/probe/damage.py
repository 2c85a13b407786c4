"""Detection of truncated and damaged files."""

import io
from collections.abc import Callable, Iterator
from typing import BinaryIO

from av import logging
from av.container import InputContainer
from av.error import InvalidDataError
from av.packet import Packet
from av.video.stream import VideoStream

_DETAIL_CHARACTERS = 120
_TS_PACKETS = (188, 192, 204)
_TS_SYNC = 0x47
_BOX_HEADER_BYTES = 16


class Damage:
    """Collects signs of damage while the packets of a video stream are read.

    It relies on the demuxer's errors: the frame count and duration in a container differ from the packets read in
    intact files too (edit lists, streams of different lengths). Damage inside of packets shows only when they are
    decoded, and is ignored here.
    """

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self._demuxer = container.format.name
        self._end_check = _end_check(self._demuxer, stream)
        self._read = 0
        self._broken = 0
        self._complaint: str | None = None

    def until_error(self, packets: "Iterator[Packet[VideoStream]]") -> "Iterator[Packet[VideoStream]]":
        """The packets up to the first error that ends the reading."""
        try:
            yield from packets
        except InvalidDataError as error:
            self._complaint = self._complaint or error.strerror

    def see(self, packet: "Packet[VideoStream]") -> None:
        """Record the next packet of the video stream."""
        self._read += 1
        self._broken += packet.is_corrupt

    def hear(self, logs: list[tuple[int, str, str]]) -> None:
        """Process and clear the log entries of the libraries: an error of the demuxer means unreadable data. Clearing
        limits memory, since a hostile file can cause any number of entries."""
        for level, name, message in logs:
            if self._complaint is None and level <= logging.ERROR and name == self._demuxer:
                self._complaint = "".join(filter(str.isprintable, message))[:_DETAIL_CHARACTERS].strip()
        logs.clear()

    def reason(self, source: BinaryIO) -> str | None:
        """The damage as a text for the user, None for an intact file.

        source: the file, which nobody else may be reading.
        """
        if self._complaint is not None:
            return _damaged(self._complaint)
        if self._broken:
            return _damaged(f"{self._broken} of its {self._read} packets are not whole")
        if self._end_check is not None and not self._end_check(source, source.seek(0, io.SEEK_END)):
            return _damaged("its last part is not whole")
        return None


def _end_check(demuxer: str, stream: VideoStream) -> Callable[[BinaryIO, int], bool] | None:
    """The check that the end of the file is complete, for formats whose demuxer does not check it."""
    if demuxer == "mpegts":
        return _packets_complete
    if demuxer.startswith("mov") and not stream.frames:  # fragmented, without a sample table
        return _boxes_complete
    return None


def _packets_complete(source: BinaryIO, size: int) -> bool:
    """Whether the file is a whole number of transport stream packets, which have equal length."""
    source.seek(0)
    head = source.read(10 * max(_TS_PACKETS))
    for length in _TS_PACKETS:
        starts = range(4 if length == 192 else 0, len(head), length)  # 192: a 4-byte time stamp before each packet
        if len(starts) > 1 and all(head[start] == _TS_SYNC for start in starts):
            return size % length == 0
    return True


def _boxes_complete(source: BinaryIO, size: int) -> bool:
    """Whether the top-level boxes of an mp4 or mov, by their lengths, end within the file."""
    start = 0
    while start + _BOX_HEADER_BYTES <= size:
        source.seek(start)
        header = source.read(_BOX_HEADER_BYTES)
        length = int.from_bytes(header[:4], "big")
        if length == 1:  # 64-bit length
            length = int.from_bytes(header[8:], "big")
        if length < 8:  # 0: up to the end of the file; other values are invalid
            return True
        start += length
    return start <= size


def _damaged(detail: str) -> str:
    return f"the file is cut short or damaged: {detail}"
