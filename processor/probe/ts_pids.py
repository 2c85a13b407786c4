"""Which PIDs the video of a transport stream has one after the other."""

from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from media.transport_stream import TransportStream, pids_of

_HEADER_BYTES = 4
_PROGRAM_MAP = 2
_MOST_TABLES = 1000
# Of MPEG-1, MPEG-2, MPEG-4, H.264, HEVC, VVC, AVS, VC-1.
_VIDEO = {0x01, 0x02, 0x10, 0x1B, 0x24, 0x33, 0x42, 0xEA}


@dataclass(frozen=True, slots=True)
class _Table:
    """A program map: the kinds of streams by their PIDs."""

    program: int
    kinds: dict[int, int]


class PidWatch(TransportStream):
    """A transport stream that notes, while it is read, where which PIDs are, and all program maps."""

    def __init__(self, source: BinaryIO) -> None:
        super().__init__(source)
        self._rest, self._rest_at = b"", 0  # of a packet that is not whole yet, and where it begins
        self._places: dict[int, tuple[int, int]] = {}  # of a PID's first and last packet
        self._sections: dict[bytes, None] = {}

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        view = memoryview(buffer).cast("B")
        position = self._source.tell()
        piece = self._source.read(len(view))
        view[: len(piece)] = piece
        self._note(position, piece)
        return len(piece)

    def pids(self, pid: int) -> tuple[int, ...]:
        """The PIDs that the video of a PID has, that one first; empty where it keeps its own.

        Another PID goes on with it that is of the same kind, that no program map lists beside it, and that belongs to
        the same program or lies wholly before or behind it in the file: cameras side by side are never joined.
        """
        tables, found = self._tables(), [pid]
        for other in self._of_kinds(tables, {table.kinds[pid] for table in tables if pid in table.kinds}):
            if all(self._take_turns(tables, one, other) for one in found):
                found.append(other)
        return tuple(found) if len(found) > 1 else ()

    def changes_codec(self, pid: int) -> bool:
        """Whether video of another codec goes on with that of a PID."""
        tables = self._tables()
        later = (other for other in self._of_kinds(tables, _VIDEO) if self._places[other] > self._places[pid])
        return any(self._take_turns(tables, pid, other) for other in later)

    def _tables(self) -> list[_Table]:
        return [_table(section) for section in self._sections]

    def _of_kinds(self, tables: list[_Table], kinds: set[int]) -> list[int]:
        """The PIDs with packets that are of certain kinds, as they come in the file."""
        found = {pid for table in tables for pid, kind in table.kinds.items() if kind in kinds and pid in self._places}
        return sorted(found, key=lambda pid: self._places[pid])

    def _take_turns(self, tables: list[_Table], one: int, other: int) -> bool:
        if any(one in table.kinds and other in table.kinds for table in tables):
            return False
        programs = [{table.program for table in tables if pid in table.kinds} for pid in (one, other)]
        (first, last), (other_first, other_last) = self._places[one], self._places[other]
        return bool(programs[0] & programs[1]) or last < other_first or other_last < first

    def _note(self, position: int, piece: bytes) -> None:
        if self._rest_at + len(self._rest) == position:
            position, piece = self._rest_at, self._rest + piece
        packets = self._layout.packets(position, np.frombuffer(piece, np.uint8))
        begin = (self._layout.first - position) % self._layout.length
        end = begin + packets.size
        self._rest, self._rest_at = piece[end:], position + end
        pids = pids_of(packets)
        starts = range(position + begin, position + end, self._layout.length)
        listed = pids.tolist()
        firsts = dict(zip(reversed(listed), reversed(starts), strict=True))
        for pid, last in dict(zip(listed, starts, strict=True)).items():
            first = firsts[pid]
            known = self._places.get(pid, (first, last))
            self._places[pid] = min(first, known[0]), max(last, known[1])
        # Payload alone, in which a section begins at once.
        begins = (packets[:, 1] & 0x40 > 0) & (packets[:, 3] & 0x30 == 0x10) & (packets[:, 4] == 0) & (pids > 0)
        for packet in packets[begins & (packets[:, 5] == _PROGRAM_MAP)]:
            if len(self._sections) < _MOST_TABLES:
                self._sections[packet[_HEADER_BYTES + 1 : 188].tobytes()] = None


def _table(section: bytes) -> _Table:
    """A program map from its section, which may be cut off at the end of a packet."""
    end = min(len(section), 3 + _length(section, 1) - 4)
    at, kinds = 12 + _length(section, 10), {}
    while at + 5 <= end:
        kinds[(section[at + 1] & 0x1F) << 8 | section[at + 2]] = section[at]
        at += 5 + _length(section, at + 3)
    return _Table(section[3] << 8 | section[4], kinds)


def _length(section: bytes, at: int) -> int:
    return (section[at] & 0xF) << 8 | section[at + 1]
