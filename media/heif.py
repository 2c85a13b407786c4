"""How a HEIC or AVIF photograph is put together: read from its boxes, since PyAV shows the coded parts alone."""

import io
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from contracts.errors import VideoRefused
from media.boxes import Box, boxes, inside
from media.orientation import Orientation

_SEQUENCES = (b"avis", b"hevc", b"hevx", b"msf1")
STILL_BRANDS = (b"mif1", b"mif2", b"heic", b"heix", b"heim", b"heis", b"avif")
_BRANDS_BYTES = 256
_CODECS = {b"hvc1": "hevc", b"av01": "av1"}
_GRID = b"grid"
_MOST_BYTES = 4 * 1024**2  # of all boxes that describe the items
_TO_CONVERT = "convert it with ffmpeg -i in.heic out.png"


@dataclass(frozen=True, slots=True)
class Tiling:
    """A photograph whose coded parts must be put together.

    tiles: numbers of the items, row by row. width, height: of the tiles together, cut at the right and at the bottom.
    shown: (left, top, width, height) of the part that is displayed, before it is turned.
    """

    codec: str
    columns: int
    tiles: tuple[int, ...]
    width: int
    height: int
    shown: tuple[int, int, int, int]
    orientation: Orientation

    @property
    def rows(self) -> int:
        return len(self.tiles) // self.columns


def tiling(source: BinaryIO) -> Tiling | None:
    """How the photograph in a file is put together; None where it is coded as a whole.

    None for all other files, and for animations, whose frames are a stream. Raises VideoRefused: it is made in a way
    that is not known here, or damaged.
    """
    size = source.seek(0, io.SEEK_END)
    first = next(boxes(source, 0, size), None)
    if first is None or first.kind != b"ftyp":
        return None
    brands = first.content(source, _BRANDS_BYTES)
    if brands[:4] in _SEQUENCES or not any(brand in brands for brand in STILL_BRANDS):
        return None
    meta = next((box for box in boxes(source, first.end, size) if box.kind in (b"meta", b"moov")), None)
    if meta is None or meta.kind != b"meta":
        return None
    try:
        return _Items(source, Box(meta.kind, meta.start + 4, meta.end)).tiling()
    except (struct.error, IndexError, KeyError, ValueError, OverflowError, StopIteration, ZeroDivisionError) as error:
        raise VideoRefused("the description of its picture is damaged or cut short") from error


class _Items:
    """The items of a photograph. What reads them raises struct.error, IndexError and KeyError where it is damaged."""

    def __init__(self, source: BinaryIO, meta: Box) -> None:
        self._source, self._meta = source, meta

    def tiling(self) -> Tiling | None:
        handler = self._content(b"hdlr")
        if handler[8:12] != b"pict":
            return None
        primary = self._primary()
        kinds = self._kinds()
        kind, changes = kinds[primary], self._properties(primary)
        tiles: tuple[int, ...]
        if kind in _CODECS:
            if not any(box.kind == b"clap" for box in changes):
                return None
            extent = next(box for box in changes if box.kind == b"ispe").content(self._source, 12)
            rows, columns, tiles = 1, 1, (primary,)
            width, height = struct.unpack_from(">II", extent, 4)
        elif kind == _GRID:
            rows, columns, width, height = _grid(self._data(primary))
            tiles = self._parts(primary)
        else:
            raise VideoRefused(f"its picture is put together in a way that is not read: {_TO_CONVERT}")
        if len(tiles) != rows * columns or not width or not height:
            raise VideoRefused(
                f"its {rows * columns} tiles of {width}x{height} pixels are damaged: it names {len(tiles)}"
            )
        codecs = {_CODECS.get(kinds[tile]) for tile in tiles}
        codec = codecs.pop()
        if codec is None or codecs:
            raise VideoRefused(f"its tiles are coded in a way that is not read: {_TO_CONVERT}")
        shown, orientation = self._laid(changes, width, height)
        return Tiling(codec, columns, tiles, width, height, shown, orientation)

    def _primary(self) -> int:
        content = self._content(b"pitm")
        return int(_number(content, 4, 4 if content[0] else 2))

    def _kinds(self) -> dict[int, bytes]:
        """The kind of each item."""
        content = self._content(b"iinf")
        (box,) = inside(self._source, self._meta, b"iinf")
        kinds = {}
        for entry in boxes(self._source, box.start + (8 if content[0] else 6), box.end):
            info = entry.content(self._source, 16)
            wide = info[0] >= 3
            kinds[_number(info, 4, 4 if wide else 2)] = info[10:14] if wide else info[8:12]
        return kinds

    def _parts(self, item: int) -> tuple[int, ...]:
        """The items that an item is derived from, in their order."""
        (box,) = inside(self._source, self._meta, b"iref")
        width = 4 if box.content(self._source, 1)[0] else 2
        for reference in boxes(self._source, box.start + 4, box.end):
            content = reference.content(self._source, _MOST_BYTES)
            if reference.kind == b"dimg" and _number(content, 0, width) == item:
                count = _number(content, width, 2)
                return tuple(_number(content, width + 2 + width * place, width) for place in range(count))
        return ()

    def _data(self, item: int) -> bytes:
        """The content of an item that is stored in one piece."""
        content = self._content(b"iloc")
        version = content[0]
        offset_bytes, length_bytes = content[4] >> 4, content[4] & 15
        base_bytes, index_bytes = content[5] >> 4, content[5] & 15 if version else 0
        wide = 4 if version == 2 else 2
        count, at = _number(content, 6, wide), 6 + wide
        for _ in range(count):
            number, at = _number(content, at, wide), at + wide
            in_idat, at = (_number(content, at, 2) & 15 == 1, at + 2) if version else (False, at)
            base, at = _number(content, at + 2, base_bytes), at + 2 + base_bytes
            extents, at = _number(content, at, 2), at + 2
            if number == item:
                offset = base + _number(content, at + index_bytes, offset_bytes)
                length = _number(content, at + index_bytes + offset_bytes, length_bytes)
                start = next(inside(self._source, self._meta, b"idat")).start if in_idat else 0
                return Box(b"", start + offset, start + offset + length).content(self._source, 64)
            at += extents * (index_bytes + offset_bytes + length_bytes)
        raise KeyError(item)

    def _properties(self, item: int) -> list[Box]:
        """The properties of an item, in their order."""
        known = list(inside(self._source, self._meta, b"iprp", b"ipco"))
        known = list(boxes(self._source, known[0].start, known[0].end))
        for box in inside(self._source, self._meta, b"iprp", b"ipma"):
            content = box.content(self._source, _MOST_BYTES)
            wide, index_bytes = 4 if content[0] else 2, 2 if content[3] & 1 else 1
            count, at = _number(content, 4, 4), 8
            for _ in range(count):
                number, uses, at = _number(content, at, wide), content[at + wide], at + wide + 1
                if number == item:
                    mask = (1 << 8 * index_bytes - 1) - 1  # without the bit that says it must be understood
                    places = [_number(content, at + index_bytes * use, index_bytes) & mask for use in range(uses)]
                    return [known[place - 1] for place in places if place]
                at += uses * index_bytes
        return []

    def _laid(self, changes: Sequence[Box], width: int, height: int) -> tuple[tuple[int, int, int, int], Orientation]:
        """What is shown of a picture of that size, and how it is turned: what cuts it comes first."""
        shown, orientation = (0, 0, width, height), Orientation()
        for box in changes:
            content = box.content(self._source, 32)
            if box.kind == b"clap":
                shown = _aperture(content, width, height)
            elif box.kind == b"irot":
                orientation = orientation.then(Orientation(-90 * (content[0] & 3) % 360))
            elif box.kind == b"imir":
                orientation = orientation.then(Orientation(0 if content[0] & 1 else 180, mirrored=True))
        return shown, orientation

    def _content(self, kind: bytes) -> bytes:
        return next(inside(self._source, self._meta, kind)).content(self._source, _MOST_BYTES)


def _grid(content: bytes) -> tuple[int, int, int, int]:
    """Rows, columns, width and height of a grid."""
    width, height = struct.unpack_from(">II" if content[1] & 1 else ">HH", content, 4)
    return content[2] + 1, content[3] + 1, width, height


def _aperture(content: bytes, width: int, height: int) -> tuple[int, int, int, int]:
    """(left, top, width, height) of the clean aperture of a picture of that size."""
    values = struct.unpack_from(">IIIIiIiI", content)
    across, down, right, below = (a / b for a, b in zip(values[::2], values[1::2], strict=True))
    left, top = (width - across) / 2 + right, (height - down) / 2 + below
    edges = [round(left), round(top), math.floor(across), math.floor(down)]
    if min(edges) < 0 or not (across >= 1 <= down) or left + across > width or top + down > height:
        raise VideoRefused("it shows a part that lies outside of its picture: it is damaged")
    return edges[0], edges[1], edges[2], edges[3]


def _number(content: bytes, at: int, width: int) -> int:
    """An unsigned number of so many bytes, 0 of none. Raises IndexError."""
    if at + width > len(content):
        raise IndexError(at)
    return int.from_bytes(content[at : at + width], "big")
