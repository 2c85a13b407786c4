"""The segments of a JPEG."""

from collections.abc import Iterator

START = b"\xff\xd8\xff"

_FILL, _SCAN = 0xFF, 0xDA
# Start of a frame, of any coding; the numbers between them mean something else.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def segments(picture: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and content of the segments, up to the compressed data."""
    at = 2
    while at + 4 <= len(picture) and picture[at] == _FILL:
        marker, length = picture[at + 1], int.from_bytes(picture[at + 2 : at + 4], "big")
        if marker == _FILL:
            at += 1
            continue
        if marker == _SCAN:
            return
        yield marker, picture[at + 4 : at + 2 + length]
        at += 2 + length


def size(picture: bytes) -> tuple[int, int] | None:
    """(width, height) in pixels; None where the JPEG does not say."""
    for marker, content in segments(picture):
        if marker in _FRAMES and len(content) >= 5:
            return int.from_bytes(content[3:5], "big"), int.from_bytes(content[1:3], "big")
    return None
