"""A file of small pictures by name: those of a job's tracks, or the frames of a video that were asked for last.

Layout: see contracts.results.sections. Each section is a JPEG, or empty where the frame cannot be decoded.
"""

from itertools import pairwise
from typing import BinaryIO

import msgspec

from contracts.errors import CorruptData
from contracts.results import sections
from contracts.wire.messages import Versioned

MAGIC = b"WDPICTRS"


class PicturesHeader(Versioned, frozen=True):
    """What the pictures are of. of: digest of the tracks (TracksHeader.digest) that are shown; empty for frames."""

    of: str


class _Index(msgspec.Struct, frozen=True):
    """names: of the pictures. starts: where each begins, and where the last one ends."""

    header_size: int
    names: tuple[str, ...]
    starts: tuple[int, ...]


class PicturesWriter:
    """Writes such a file. size: bytes of the pictures so far."""

    def __init__(self, sink: BinaryIO, header: PicturesHeader) -> None:
        self._writer = sections.Writer(sink, MAGIC, header)
        self._names: list[str] = []
        self._starts = [self._writer.offset]

    @property
    def size(self) -> int:
        return self._writer.offset - self._starts[0]

    def add(self, name: str, picture: bytes) -> None:
        """Write a picture. Each name once."""
        self._writer.add(picture)
        self._names.append(name)
        self._starts.append(self._writer.offset)

    def end(self) -> None:
        """Write what it is read by."""
        self._writer.end(_Index(self._writer.header_size, tuple(self._names), tuple(self._starts)))


class PicturesFile:
    """Such a file opened for reading. All raise CorruptData."""

    def __init__(self, source: BinaryIO) -> None:
        self._reader = sections.Reader(source, MAGIC, "file of pictures")
        index = self._reader.index(_Index)
        self.header = self._reader.header(index.header_size, PicturesHeader)
        if len(index.starts) != len(index.names) + 1:
            raise CorruptData("the file of pictures cannot be read: its index does not fit its pictures")
        self._places = dict(zip(index.names, pairwise(index.starts), strict=True))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the pictures, in the order in which they were written."""
        return tuple(self._places)

    def size(self, name: str) -> int:
        """Bytes of a picture that is there."""
        start, stop = self._places[name]
        return stop - start

    def picture(self, name: str) -> bytes | None:
        """The JPEG of that name, empty where the frame cannot be decoded; None for a name that is not there."""
        place = self._places.get(name)
        return None if place is None else self._reader.section(*place)

    def close(self) -> None:
        """Close the source."""
        self._reader.close()
