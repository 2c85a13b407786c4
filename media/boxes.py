"""The boxes that mp4, mov, HEIC and AVIF files consist of."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

_HEADER_BYTES = 8
_MOST_BOXES = 10_000


@dataclass(frozen=True, slots=True)
class Box:
    """A box: its kind of four bytes, and where its content starts and ends in the file."""

    kind: bytes
    start: int
    end: int

    def content(self, source: BinaryIO, most: int) -> bytes:
        """The content, up to so many bytes."""
        source.seek(self.start)
        return source.read(min(self.end - self.start, most))


def boxes(source: BinaryIO, start: int, end: int) -> Iterator[Box]:
    """The boxes between two places of a file, up to the first without a valid length."""
    for _ in range(_MOST_BOXES):
        if start + _HEADER_BYTES > end:
            return
        source.seek(start)
        header = source.read(2 * _HEADER_BYTES)
        length, kind, header_bytes = int.from_bytes(header[:4], "big"), header[4:8], _HEADER_BYTES
        if length == 1:  # too long for that field
            length, header_bytes = int.from_bytes(header[8:], "big"), 2 * _HEADER_BYTES
        stop = start + length if length else end  # 0 is up to the end
        if (length and length < header_bytes) or len(kind) < 4:
            return
        yield Box(kind, start + header_bytes, min(stop, end))
        start = stop


def inside(source: BinaryIO, box: Box, *path: bytes) -> Iterator[Box]:
    """The boxes inside a box that a path of kinds leads to."""
    for child in boxes(source, box.start, box.end):
        if child.kind == path[0]:
            if len(path) > 1:
                yield from inside(source, child, *path[1:])
            else:
                yield child
