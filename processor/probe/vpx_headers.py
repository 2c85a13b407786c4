"""Sizes of frames as headers tell them: VP8 (RFC 6386), VP9 (its Bitstream & Decoding Process Specification)."""

from collections.abc import Iterator

Size = tuple[int, int]

_VP8_START = b"\x9d\x01\x2a"
_VP8_HEADER_BYTES = 10
_VP9_MARKER, _VP9_SYNC = 2, 0x498342
_HIGHEST_PROFILE = 3
_RED_GREEN_BLUE = 7
_SLOTS, _REFERENCES = 8, 3
_HEADER_BYTES = 16  # what is read of a VP9 frame


def vp8_size(packet: memoryview) -> Size | None:
    """Width and height in pixels that a keyframe tells; None for other frames."""
    if len(packet) < _VP8_HEADER_BYTES or packet[0] & 1 or packet[3:6] != _VP8_START:
        return None
    return int.from_bytes(packet[6:8], "little") & 0x3FFF, int.from_bytes(packet[8:10], "little") & 0x3FFF


class Vp9Sizes:
    """Follows a VP9 stream, in which any frame may have another size than those that it refers to."""

    def __init__(self) -> None:
        self._slots: list[Size | None] = [None] * _SLOTS

    def shown(self, packet: memoryview) -> list[Size]:
        """Widths and heights in pixels of the packet's frames that are shown; what cannot be read is left out."""
        found = []
        for frame in _split(packet):
            try:
                size = self._read(_Bits(frame))
            except IndexError:
                continue
            if size is not None:
                found.append(size)
        return found

    def _read(self, bits: "_Bits") -> Size | None:
        """The size of a frame that is shown, and the slots as they are behind it. Raises IndexError at the end."""
        if bits.read(2) != _VP9_MARKER:
            return None
        profile = bits.read(1) | bits.read(1) << 1
        if profile == _HIGHEST_PROFILE:
            bits.read(1)
        if bits.read(1):  # one that was decoded before
            return self._slots[bits.read(3)]
        refers, is_shown, resilient = bits.read(1), bits.read(1), bits.read(1)
        size: Size | None
        if not refers:
            if bits.read(24) != _VP9_SYNC:
                return None
            _skip_colours(bits, profile)
            refreshed, size = 2**_SLOTS - 1, _size(bits)
        else:
            alone = 0 if is_shown else bits.read(1)
            bits.read(0 if resilient else 2)
            if alone:
                if bits.read(24) != _VP9_SYNC:
                    return None
                if profile:
                    _skip_colours(bits, profile)
            refreshed = bits.read(_SLOTS)
            size = _size(bits) if alone else self._of_references(bits)
        for slot in range(_SLOTS):
            if refreshed >> slot & 1:
                self._slots[slot] = size
        return size if is_shown else None

    def _of_references(self, bits: "_Bits") -> Size | None:
        slots = [bits.read(4) >> 1 for _ in range(_REFERENCES)]  # the last bit is no part of the number
        for slot in slots:
            if bits.read(1):
                return self._slots[slot]
        return _size(bits)


class _Bits:
    """Reads the bits of a header, the highest of each byte first."""

    def __init__(self, frame: memoryview) -> None:
        head = frame[:_HEADER_BYTES]
        self._value, self._left = int.from_bytes(head, "big"), 8 * len(head)

    def read(self, count: int) -> int:
        """The next bits as a number. Raises IndexError behind the end."""
        self._left -= count
        if self._left < 0:
            raise IndexError
        return self._value >> self._left & ((1 << count) - 1)


def _skip_colours(bits: _Bits, profile: int) -> None:
    if profile > 1:
        bits.read(1)
    if bits.read(3) != _RED_GREEN_BLUE:
        bits.read(1 + (3 if profile % 2 else 0))
    elif profile % 2:
        bits.read(1)


def _size(bits: _Bits) -> Size:
    return bits.read(16) + 1, bits.read(16) + 1


def _split(packet: memoryview) -> Iterator[memoryview]:
    """The frames of a packet: all of it, or those of a superframe, whose lengths stand at its end."""
    last = packet[-1] if packet else 0
    count, width = (last & 7) + 1, (last >> 3 & 3) + 1
    length = 2 + count * width
    if last & 0xE0 != 0xC0 or len(packet) < length or packet[-length] != last:
        yield packet
        return
    start, place = 0, len(packet) - length + 1
    for number in range(count):
        size = int.from_bytes(packet[place + number * width :][:width], "little")
        yield packet[start : start + size]
        start += size
