"""Detection of truncated and damaged files."""

import io
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

from av import logging
from av.container import InputContainer
from av.error import InvalidDataError
from av.packet import Packet
from av.video.stream import VideoStream

from media.transport_stream import layout

_DETAIL_CHARACTERS = 120
_BOX_HEADER_BYTES = 16
_CLOCK_FELL = 2**32  # ticks: demuxers take a fall of the clock of a transport stream for its turn at 2**33
_STAMP_BYTES = 4  # before each packet of some transport streams; positions may count from either


class Damage:
    """Collects signs of damage while the packets of a video stream are read.

    It relies on the demuxer's errors: the frame count and duration in a container differ from the packets read in
    intact files too (edit lists, streams of different lengths). Damage inside of packets shows only when they are
    decoded, and is ignored here. Where one recording follows another, packet counters jump without a loss.
    """

    def __init__(self, container: InputContainer, stream: VideoStream, changes: Sequence[int] = ()) -> None:
        """changes: positions in the file at which the video has another PID; they may still come."""
        self._demuxer = container.format.name
        self._end_check = _end_check(self._demuxer, stream)
        self._read = 0
        self._broken = 0
        self._changes = changes
        self._before: Packet[VideoStream] | None = None
        self._flags = [False, False]  # of the last packets: the one before a jump, or the one before that, is flagged
        self._complaint: str | None = None

    def until_error(self, packets: "Iterator[Packet[VideoStream]]") -> "Iterator[Packet[VideoStream]]":
        """The packets up to the first error that ends the reading."""
        try:
            yield from packets
        except InvalidDataError as error:
            self._complaint = self._complaint or error.strerror

    def see(self, packet: "Packet[VideoStream]", *, anew: bool) -> None:
        """Record the next packet of the video stream. anew: whether its frame has a size that none before has."""
        self._read += 1
        if anew or (self._before is not None and self._follows(self._before, packet)):
            self._broken -= sum(self._flags)
            self._flags = [False, False]
        self._broken += packet.is_corrupt
        self._flags = [self._flags[1], packet.is_corrupt]
        self._before = packet

    def _follows(self, before: "Packet[VideoStream]", packet: "Packet[VideoStream]") -> bool:
        """Whether another recording begins with a packet."""
        if before.dts is not None and packet.dts is not None and not 0 <= packet.dts - before.dts < _CLOCK_FELL:
            return True
        start, stop = before.pos or 0, (packet.pos or 0) + _STAMP_BYTES
        return any(start < change <= stop for change in self._changes)

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
    found = layout(source)
    return found is None or size % found.length == 0


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
