"""Checks of a JPEG by its markers, without decoding it. Pure."""

_START, _END = b"\xff\xd8", b"\xff\xd9"
_SCAN = 0xDA
# Beginnings of a frame, with the size of the picture: baseline, extended, progressive. Browsers and decoders of video
# know no others.
_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
# Markers without content: temporary, and restarts.
_BARE = frozenset({0x01, *range(0xD0, 0xD8)})


def problem(data: bytes) -> str | None:
    """Why this is no JPEG that can be shown, None for one. Its scan may still be damaged."""
    if not data.startswith(_START):
        return "the body does not begin as a JPEG: send the content of the file itself"
    place, size = 2, None
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF:  # padding
            place += 1
            continue
        if marker in _BARE:
            place += 2
            continue
        length = int.from_bytes(data[place + 2 : place + 4])
        if marker in _FRAMES and length >= 8:
            size = data[place + 5 : place + 9]
        if marker == _SCAN:
            return _scan_problem(data, place, size)
        if length < 2:
            break
        place += 2 + length
    return "the JPEG ends before its picture: it was cut off, or is damaged"


def _scan_problem(data: bytes, place: int, size: bytes | None) -> str | None:
    if size is None or not (int.from_bytes(size[:2]) and int.from_bytes(size[2:])):
        return "the JPEG does not tell its size: send a baseline or progressive JPEG"
    if data.find(_END, place) < 0:
        return "the JPEG was cut off: its end is missing"
    return None
