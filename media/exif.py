"""The orientation in the EXIF data of a JPEG, PNG or WebP."""

import struct
from collections.abc import Iterator

from media.jpeg import START, segments

_TAG, _APP1 = 0x0112, 0xE1
_PREFIX = b"Exif\0\0"
_MOST_ENTRIES = 1000


def orientation_tag(picture: bytes) -> int | None:
    """EXIF's number of the orientation, 1 to 8, of an encoded picture; None where it has none."""
    for data in _exif(picture):
        tag = _orientation(data.removeprefix(_PREFIX))
        return tag if tag in range(1, 9) else None
    return None


def _exif(picture: bytes) -> Iterator[bytes]:
    """The blocks of EXIF data."""
    if picture.startswith(START):
        yield from (data for marker, data in segments(picture) if marker == _APP1 and data.startswith(_PREFIX))
    elif picture.startswith(b"\x89PNG"):
        yield from _of_chunks(picture, 8, ">I4s", b"eXIf", after=4)
    elif picture.startswith(b"RIFF"):
        yield from _of_chunks(picture, 12, "<4sI", b"EXIF", after=0)


def _of_chunks(picture: bytes, at: int, header: str, name: bytes, *, after: int) -> Iterator[bytes]:
    """The chunks of that name. header: the layout of name and length; after: bytes between two chunks."""
    while at + 8 <= len(picture):
        fields = struct.unpack_from(header, picture, at)
        kind, length = fields if isinstance(fields[0], bytes) else fields[::-1]
        if kind == name:
            yield picture[at + 8 : at + 8 + length]
        # WebP pads chunks to even lengths; PNG has a checksum instead.
        at += 8 + length + (after or length % 2)


def _orientation(tiff: bytes) -> int | None:
    """The orientation tag in the first directory of EXIF data, which is laid out as a TIFF."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return None
    (start,) = struct.unpack_from(order + "I", tiff, 4)
    if start + 2 > len(tiff):
        return None
    (count,) = struct.unpack_from(order + "H", tiff, start)
    for entry in range(min(count, _MOST_ENTRIES)):
        place = start + 2 + 12 * entry
        if place + 12 > len(tiff):
            return None
        tag, _, _, value = struct.unpack_from(order + "HHIH", tiff, place)
        if tag == _TAG:
            return int(value)
    return None
