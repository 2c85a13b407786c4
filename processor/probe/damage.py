"""Whether a file holds all that it announces."""

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
    """Gathers the signs of damage while the packets of a file's video stream are read.

    What its demuxer says is taken: numbers of frames and durations that containers announce differ from
    what is read in whole files too (edit lists, streams of other lengths). Damage of what the packets
    hold shows in decoding alone, and is none here.
    """

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self._demuxer = container.format.name
        self._fills = _fills(self._demuxer, stream)
        self._read = 0
        self._broken = 0
        self._complaint: str | None = None

    def until_error(self, packets: "Iterator[Packet[VideoStream]]") -> "Iterator[Packet[VideoStream]]":
        """The packets before a place that stops the reading."""
        try:
            yield from packets
        except InvalidDataError as error:
            self._complaint = self._complaint or error.strerror

    def see(self, packet: "Packet[VideoStream]") -> None:
        """The next packet of the video stream."""
        self._read += 1
        self._broken += packet.is_corrupt

    def hear(self, logs: list[tuple[int, str, str]]) -> None:
        """What the libraries logged since: an error of the demuxer is a place that it could not read.
        Takes the entries away, since a hostile file makes any number of them."""
        for level, name, message in logs:
            if self._complaint is None and level <= logging.ERROR and name == self._demuxer:
                self._complaint = "".join(filter(str.isprintable, message))[:_DETAIL_CHARACTERS].strip()
        logs.clear()

    def reason(self, source: BinaryIO) -> str | None:
        """What to tell the user, None for a file without damage.

        source: the file, which must not be read by others any more.
        """
        if self._complaint is not None:
            return _damaged(self._complaint)
        if self._broken:
            return _damaged(f"{self._broken} of its {self._read} packets are not whole")
        if self._fills is not None and not self._fills(source, source.seek(0, io.SEEK_END)):
            return _damaged("its last part is not whole")
        return None


def _fills(demuxer: str, stream: VideoStream) -> Callable[[BinaryIO, int], bool] | None:
    """How to see that the file's last part is whole, where the demuxer does not."""
    if demuxer == "mpegts":
        return _packets_fill
    if demuxer.startswith("mov") and not stream.frames:  # in fragments, without a table of the whole
        return _boxes_fill
    return None


def _packets_fill(source: BinaryIO, size: int) -> bool:
    """Whether a transport stream's packets, which all have one length, fill the file."""
    source.seek(0)
    head = source.read(10 * max(_TS_PACKETS))
    for length in _TS_PACKETS:
        starts = range(4 if length == 192 else 0, len(head), length)  # 192: a time stands before each packet
        if len(starts) > 1 and all(head[start] == _TS_SYNC for start in starts):
            return size % length == 0
    return True


def _boxes_fill(source: BinaryIO, size: int) -> bool:
    """Whether the boxes of an mp4 or mov, of which each tells its length, fill the file."""
    start = 0
    while start + _BOX_HEADER_BYTES <= size:
        source.seek(start)
        header = source.read(_BOX_HEADER_BYTES)
        length = int.from_bytes(header[:4], "big")
        if length == 1:  # too long for that field
            length = int.from_bytes(header[8:], "big")
        if length < 8:  # 0 is up to the end of the file; others are no length
            return True
        start += length
    return start <= size


def _damaged(detail: str) -> str:
    return f"the file is cut short or damaged: {detail}"
