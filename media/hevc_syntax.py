"""As much of H.265's bitstream (ITU-T H.265, chapter 7) as tells the order of pictures. Source bytes are untrusted."""

from dataclasses import dataclass

from media.h264_syntax import Bits

VIDEO_PARAMETERS, SEQUENCE_PARAMETERS, PICTURE_PARAMETERS = 32, 33, 34
_SLICES = range(10)
_KEY_SLICES = range(16, 24)
_IDR_SLICES = (19, 20)
_LEADING_SLICES = range(6, 10)
# Keyframes behind a splice, and the end of a sequence or stream: the count of pictures goes on otherwise.
_SPLICES = (16, 17, 18, 36, 37)
_HEADER_BYTES, _PARAMETER_BYTES = 2, 1024
_PROFILE_BITS, _LEVEL_BITS = 88, 8
_444 = 3
_MOST_ORDER_BITS = 16
_MOST_EDGE = 65_535  # pixels


def kind(unit: bytes) -> int:
    """The type of a NAL unit of the base layer, -1 of others."""
    if len(unit) <= _HEADER_BYTES or unit[0] & 1 or unit[1] >> 3:
        return -1
    return unit[0] >> 1


def is_slice(unit: bytes) -> bool:
    """Whether a NAL unit holds a part of a picture of the base layer."""
    return kind(unit) in _SLICES or kind(unit) in _KEY_SLICES


def is_idr(unit: bytes) -> bool:
    """Whether a slice is one of a picture at which the counter of the order begins anew."""
    return kind(unit) in _IDR_SLICES


def is_anchor(unit: bytes) -> bool:
    """Whether the pictures that follow are counted from that of a slice."""
    unreferenced = kind(unit) in _SLICES and kind(unit) % 2 == 0
    return unit[1] & 7 == 1 and kind(unit) not in _LEADING_SLICES and not unreferenced


def ends_sequence(unit: bytes) -> bool:
    """Whether one sequence of pictures ends or another begins at a NAL unit."""
    return unit[0] >> 1 in _SPLICES


@dataclass(frozen=True, slots=True)
class SequenceSyntax:
    """What is needed of the sequence parameter set to read a slice's header."""

    separate_planes: bool
    order_bits: int

    @classmethod
    def of(cls, unit: bytes) -> "SequenceSyntax | None":
        """From a sequence parameter set; None where it is not valid."""
        bits = Bits(unit[_HEADER_BYTES:], _PARAMETER_BYTES)
        bits.read(4)
        _skip_profiles(bits, layers=bits.read(3))
        bits.exp_golomb()
        separate_planes = bits.exp_golomb() == _444 and bool(bits.read(1))
        bits.exp_golomb()  # width
        bits.exp_golomb()  # height
        if bits.read(1):
            for _ in range(4):  # what is cut off at each side
                bits.exp_golomb()
        bits.exp_golomb()  # depth of luma
        bits.exp_golomb()  # and of chroma
        order_bits = bits.exp_golomb() + 4
        return cls(separate_planes, order_bits) if order_bits <= _MOST_ORDER_BITS else None


@dataclass(frozen=True, slots=True)
class Format:
    """What a sequence parameter set says of the pictures. profile: the 12 bytes of the general profile, tier and level.
    layers: number of temporal ones; nested: whether they are. chroma: 0 to 3 for none, 4:2:0, 4:2:2, 4:4:4. depth: bits
    of (luma, chroma). width, height: in pixels of the displayed part."""

    profile: bytes
    layers: int
    nested: bool
    chroma: int
    depth: tuple[int, int]
    width: int
    height: int

    @classmethod
    def of(cls, unit: bytes) -> "Format | None":
        """None where the parameter set is not valid."""
        payload = unit[_HEADER_BYTES:]
        bits = Bits(payload, _PARAMETER_BYTES)
        bits.read(4)
        layers, nested = bits.read(3), bool(bits.read(1))
        profile = bytes(Bits.plain(payload, _PARAMETER_BYTES)[1:13])
        bits = Bits(payload, _PARAMETER_BYTES)
        bits.read(7)
        _skip_profiles(bits, layers)
        bits.exp_golomb()
        chroma = bits.exp_golomb()
        if chroma == _444:
            bits.read(1)
        width, height = bits.exp_golomb(), bits.exp_golomb()
        left = right = top = bottom = 0
        if bits.read(1):
            left, right, top, bottom = (bits.exp_golomb() for _ in range(4))
        depth = (bits.exp_golomb() + 8, bits.exp_golomb() + 8)
        width -= (2 if chroma in (1, 2) else 1) * (left + right)
        height -= (2 if chroma == 1 else 1) * (top + bottom)
        if len(profile) < 12 or chroma > _444 or not (0 < width <= _MOST_EDGE and 0 < height <= _MOST_EDGE):
            return None
        return cls(profile, layers + 1, nested, chroma, depth, width, height)


@dataclass(frozen=True, slots=True)
class PictureSyntax:
    """What is needed of the picture parameter set. hides: whether slices say if their pictures are shown. extra_bits:
    in each slice's header."""

    hides: bool
    extra_bits: int

    @classmethod
    def of(cls, unit: bytes) -> "PictureSyntax":
        """From a picture parameter set."""
        bits = Bits(unit[_HEADER_BYTES:])
        bits.exp_golomb()
        bits.exp_golomb()
        bits.read(1)
        return cls(bool(bits.read(1)), bits.read(3))


def order(unit: bytes, sequence: SequenceSyntax, picture: PictureSyntax) -> int | None:
    """The counter of the order of display in the first slice of a picture that is no IDR picture; None in others."""
    bits = Bits(unit[_HEADER_BYTES:])
    if not bits.read(1):
        return None
    bits.read(1 if kind(unit) in _KEY_SLICES else 0)
    bits.exp_golomb()
    bits.read(picture.extra_bits)
    bits.exp_golomb()
    bits.read(2 * sequence.separate_planes + picture.hides)
    return bits.read(sequence.order_bits)


def _skip_profiles(bits: Bits, layers: int) -> None:
    """Skip the profile and level of the stream, and of so many of its layers."""
    bits.read(_PROFILE_BITS + _LEVEL_BITS + 1)
    told = [(bits.read(1), bits.read(1)) for _ in range(layers)]
    if layers:
        bits.read(2 * (8 - layers))
    for profile, level in told:
        bits.read(_PROFILE_BITS * profile + _LEVEL_BITS * level)
