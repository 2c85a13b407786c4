"""MPEG transport streams: how their packets lie, and a reader for a video that moves from one PID to another."""

import io
import os
from dataclasses import dataclass
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

_SYNC = 0x47
# Of a packet, and where the first one begins: plain, with a time stamp before each, with check bytes behind each.
_LAYOUTS = ((188, 0), (192, 4), (204, 0))
_CHECKED_PACKETS = 10
_MOST_CHANGES = 1000


@dataclass(frozen=True, slots=True)
class Layout:
    """length: from one packet to the next, in bytes. first: position of the first packet."""

    length: int
    first: int

    def packets(self, position: int, content: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The whole packets in bytes from a position of the file on: (N, length), a view."""
        skipped = (self.first - position) % self.length
        count = max(0, len(content) - skipped) // self.length
        return content[skipped : skipped + count * self.length].reshape(count, self.length)


def layout(source: BinaryIO) -> Layout | None:
    """The layout of a transport stream, None where its beginning shows none."""
    source.seek(0)
    head = source.read(_CHECKED_PACKETS * _LAYOUTS[-1][0])
    for length, first in _LAYOUTS:
        starts = range(first, len(head), length)
        if len(starts) > 1 and all(head[start] == _SYNC for start in starts):
            return Layout(length, first)
    return None


def pids_of(packets: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The PID of each packet, -1 for what is none."""
    pids = (packets[:, 1].astype(np.int64) & 0x1F) << 8 | packets[:, 2]
    return np.where(packets[:, 0] == _SYNC, pids, -1)


def _among(pids: NDArray[np.int64], wanted: tuple[int, ...]) -> NDArray[np.bool_]:
    # Not np.isin: it imports a module when it is first called, which the sandbox does not allow.
    found: NDArray[np.bool_] = (pids[:, None] == np.array(wanted, np.int64)).any(axis=1)
    return found


class TransportStream(io.RawIOBase):
    """A transport stream that a subclass sees or changes while it is read. source: the file, which stays open."""

    def __init__(self, source: BinaryIO) -> None:
        super().__init__()
        self._source = source
        self._layout = layout(source) or Layout(*_LAYOUTS[0])
        self._source.seek(0)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._source.seek(offset, whence)

    def tell(self) -> int:
        return self._source.tell()


class OneVideo(TransportStream):
    """A transport stream in which a video keeps its first PID, whatever PIDs it has on the way.

    So the demuxer knows where the last frame before a change ends, and positions stay those of the file.
    changes: where the PID changes, as far as it was read: positions of the first packets.
    """

    def __init__(self, source: BinaryIO, pids: tuple[int, ...]) -> None:
        super().__init__(source)
        self._pids = pids
        self._last = -1, -1  # position behind what was read last, and the PID there
        self.changes: list[int] = []

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        view = memoryview(buffer).cast("B")
        position, length = self._source.tell(), self._layout.length
        # Whole packets: the read may begin and end inside of one.
        before = min(position, (position - self._layout.first) % length)
        self._source.seek(position - before)
        held = np.frombuffer(self._source.read(before + len(view) + length), np.uint8)
        content = np.concatenate([held, np.zeros(length, np.uint8)])  # the last packet lacks the next one's time stamp
        packets = self._layout.packets(position - before, content)
        self._note(position - before, packets[: (before + len(view)) // length])
        self._rename(packets)
        piece = content[before : min(before + len(view), len(held))].tobytes()
        view[: len(piece)] = piece
        self._source.seek(position + len(piece))
        return len(piece)

    def _rename(self, packets: NDArray[np.uint8]) -> None:
        moved = _among(pids_of(packets), self._pids[1:])
        packets[moved, 1] = packets[moved, 1] & 0xE0 | self._pids[0] >> 8
        packets[moved, 2] = self._pids[0] & 0xFF

    def _note(self, position: int, packets: NDArray[np.uint8]) -> None:
        begin = position + (self._layout.first - position) % self._layout.length
        read_up_to, pid = self._last
        pids = pids_of(packets)
        places = np.flatnonzero(_among(pids, self._pids))
        before = pid if read_up_to == begin else -1
        for at in places.tolist() if len(set(pids[places].tolist()) | {before}) > 1 else ():
            if before not in (-1, pids[at]) and len(self.changes) < _MOST_CHANGES:
                self.changes.append(begin + at * self._layout.length)
            before = int(pids[at])
        last = int(pids[places[-1]]) if len(places) else before
        self._last = begin + packets.size, last


def one_video(source: BinaryIO, pids: tuple[int, ...]) -> BinaryIO:
    """The file as a reader sees it whose video has these PIDs one after the other; itself for none."""
    return cast(BinaryIO, OneVideo(source, pids)) if pids else source
