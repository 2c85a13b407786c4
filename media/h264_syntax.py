"""As much of H.264's bitstream (ITU-T H.264, chapter 7) as tells fields from frames and the order of pictures.

Source bytes are untrusted.
"""

from collections.abc import Iterator
from dataclasses import dataclass

SLICE, IDR_SLICE, PARAMETERS = 1, 5, 7
_HEAD_BYTES, _PARAMETER_BYTES = 32, 1024
_HIGH_PROFILES = (44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244)
_444 = 3
_MOST_COUNTER_BITS = 16
_MOST_EDGE = 65_535  # pixels


def length_prefixed(data: bytes, length_bytes: int) -> Iterator[bytes]:
    """NAL units after their lengths, as in mp4 and mkv."""
    place = 0
    while place + length_bytes < len(data):
        length = int.from_bytes(data[place : place + length_bytes], "big")
        place += length_bytes
        if length:
            yield data[place : place + length]
        place += length


def start_coded(data: bytes) -> Iterator[bytes]:
    """NAL units between start codes, as in transport streams."""
    for unit in data.split(b"\0\0\x01"):
        if unit.rstrip(b"\0"):
            yield unit


class Bits:
    """Reads a NAL unit's payload from its first bit on. Bits beyond its end are 0."""

    def __init__(self, payload: bytes, most: int = _HEAD_BYTES) -> None:
        data = self.plain(payload, most)
        self._value, self._left = int.from_bytes(data, "big"), 8 * len(data)  # below 0 behind the end

    @staticmethod
    def plain(payload: bytes, most: int = _HEAD_BYTES) -> bytes:
        """The first bytes of a payload without those that keep it from looking like a start code."""
        return payload[:most].replace(b"\0\0\x03", b"\0\0")

    def read(self, count: int) -> int:
        """The next bits as an unsigned number."""
        self._left -= count
        value = self._value >> self._left if self._left >= 0 else self._value << -self._left
        return value & ((1 << count) - 1)

    def exp_golomb(self) -> int:
        """The next unsigned Exp-Golomb number, at most 32 bits long."""
        left = max(0, self._left)
        zeros = min(32, left - (self._value & ((1 << left) - 1)).bit_length())
        self._left -= min(left, zeros + (zeros < 32))
        return (1 << zeros) - 1 + self.read(zeros)

    def signed_exp_golomb(self) -> int:
        """The next signed Exp-Golomb number."""
        code = self.exp_golomb()
        return (code + 1) // 2 if code % 2 else -(code // 2)


@dataclass(frozen=True, slots=True)
class SliceSyntax:
    """What is needed of the sequence parameter set to read a slice's header.

    frames_only: whether no picture is a field. order_kind: how the order of display is told: 0 by a counter of
    order_bits in each slice, 2 it is that of decoding.
    """

    frame_number_bits: int
    separate_planes: bool
    frames_only: bool
    order_kind: int
    order_bits: int

    @classmethod
    def of(cls, extradata: bytes) -> "SliceSyntax | None":
        """From a decoder's extradata; None where it does not say."""
        for unit in _parameter_units(extradata):
            if unit and unit[0] & 31 == PARAMETERS:
                return cls.of_parameters(unit)
        return None

    @classmethod
    def of_parameters(cls, unit: bytes) -> "SliceSyntax | None":
        """From a sequence parameter set; None where it is not valid."""
        return _read_parameters(Bits(unit[1:], _PARAMETER_BYTES))

    def is_field(self, unit: bytes) -> bool:
        """Whether a NAL unit is a slice of one field."""
        return unit[0] & 31 in (SLICE, IDR_SLICE) and self._up_to_field(unit)[1]

    def order(self, unit: bytes) -> int:
        """The counter of the order of display in a slice of a frame, where order_kind is 0."""
        bits, _ = self._up_to_field(unit)
        if unit[0] & 31 == IDR_SLICE:
            bits.exp_golomb()
        return bits.read(self.order_bits)

    def _up_to_field(self, unit: bytes) -> tuple[Bits, bool]:
        """A slice's header behind the field flag, and that flag."""
        bits = Bits(unit[1:])
        for _ in range(3):  # first macroblock, slice type, picture parameter set
            bits.exp_golomb()
        bits.read(2 * self.separate_planes + self.frame_number_bits)
        return bits, not self.frames_only and bool(bits.read(1))


def picture_size(unit: bytes) -> tuple[int, int] | None:
    """(width, height) in pixels of the displayed part, from a sequence parameter set; None where it is not valid."""
    bits = Bits(unit[1:], _PARAMETER_BYTES)
    profile = bits.read(8)
    bits.read(16)
    bits.exp_golomb()
    chroma = 1
    if profile in _HIGH_PROFILES:
        chroma = _chroma_format(unit)
        _read_chroma(bits)
    bits.exp_golomb()  # bits of the frame number
    _read_order_count(bits)
    bits.exp_golomb()  # reference frames
    bits.read(1)
    columns, rows = bits.exp_golomb() + 1, bits.exp_golomb() + 1
    frames_only = bits.read(1)
    if not frames_only:
        bits.read(1)
    bits.read(1)
    left = right = top = bottom = 0
    if bits.read(1):
        left, right, top, bottom = (bits.exp_golomb() for _ in range(4))
    across = 2 if chroma in (1, 2) else 1
    down = (2 if chroma == 1 else 1) * (2 - frames_only)
    width = 16 * columns - across * (left + right)
    height = 16 * rows * (2 - frames_only) - down * (top + bottom)
    return (width, height) if 0 < width <= _MOST_EDGE and 0 < height <= _MOST_EDGE else None


def _chroma_format(unit: bytes) -> int:
    bits = Bits(unit[1:])
    bits.read(24)
    bits.exp_golomb()
    return bits.exp_golomb()


def _parameter_units(extradata: bytes) -> Iterator[bytes]:
    if extradata[:1] == b"\x01":  # avcC: the first parameter set after its length
        length = int.from_bytes(extradata[6:8], "big")
        return iter([extradata[8 : 8 + length]])
    return start_coded(extradata)


def _read_parameters(bits: Bits) -> SliceSyntax | None:
    profile = bits.read(8)
    bits.read(16)
    bits.exp_golomb()
    separate_planes = _read_chroma(bits) if profile in _HIGH_PROFILES else False
    frame_number_bits = bits.exp_golomb() + 4
    order_kind, order_bits = _read_order_count(bits)
    bits.exp_golomb()  # reference frames
    bits.read(1)
    bits.exp_golomb()  # width
    bits.exp_golomb()  # height
    frames_only = bool(bits.read(1))
    if frame_number_bits > _MOST_COUNTER_BITS or order_bits > _MOST_COUNTER_BITS:
        return None
    return SliceSyntax(frame_number_bits, separate_planes, frames_only, order_kind, order_bits)


def _read_chroma(bits: Bits) -> bool:
    """Skip to the end of the chroma and scaling parameters; whether colour planes are coded separately."""
    chroma = bits.exp_golomb()
    separate_planes = bool(chroma == _444 and bits.read(1))
    bits.exp_golomb()
    bits.exp_golomb()
    bits.read(1)
    if bits.read(1):
        for number in range(12 if chroma == _444 else 8):
            if bits.read(1):
                _skip_scaling_list(bits, 16 if number < 6 else 64)
    return separate_planes


def _skip_scaling_list(bits: Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed_exp_golomb()) % 256
            last = following or last


def _read_order_count(bits: Bits) -> tuple[int, int]:
    """How the order of display is told, and the bits of the counter where there is one."""
    kind = bits.exp_golomb()
    if kind == 0:
        return kind, bits.exp_golomb() + 4
    if kind == 1:
        bits.read(1)
        bits.exp_golomb()
        bits.exp_golomb()
        for _ in range(min(bits.exp_golomb(), 255)):
            bits.exp_golomb()
    return kind, 0
