"""What a codec's own syntax says of a packet: containers' keyframe flags are often wrong."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from media.h264_syntax import IDR_SLICE, SLICE, Bits, SliceSyntax, length_prefixed, start_coded

if TYPE_CHECKING:  # an ingest reads RTSP without FFmpeg
    from av.codec.context import CodecContext

_H264_SEI = 6
_HEVC_IRAP = range(16, 24)
_RECOVERY_POINT = 6
_INTRA = (2, 4)  # slice types I and SI, modulo 5
_VP9_LAST_PROFILE = 3
_SEQUENCE_HEADER = 1  # AV1: each keyframe comes with one
_KNOWN = ("h264", "hevc", "mpeg4", "mpeg1video", "mpeg2video", "vp8", "vp9", "av1", "theora")
_MPEG4_VOP, _MPEG4_INTRA = b"\0\0\x01\xb6", 0
_MPEG2_PICTURE, _MPEG2_INTRA = b"\0\0\x01\0", 1


class KeyframeSyntax:
    """Reads the packets of one stream. decoder: of the stream, for its codec and the framing of its packets."""

    def __init__(self, decoder: "CodecContext") -> None:
        self._codec = decoder.codec.canonical_name
        extradata = decoder.extradata or b""
        self._length_bytes = _length_bytes(self._codec, extradata)
        slices = SliceSyntax.of(extradata) if self._codec == "h264" else None
        self._fields = None if slices is None or slices.frames_only else slices

    def denies(self, data: bytes) -> bool:
        """Whether a packet that is flagged as a keyframe is none. False too where the syntax is not known."""
        match self._codec:
            case "h264":
                return not is_h264_keyframe(self.units(data))
            case "hevc":
                return not is_hevc_keyframe(self.units(data))
            case "mpeg4":
                return _bits_after(data, _MPEG4_VOP, 0, 6) not in (None, _MPEG4_INTRA)
            case "mpeg1video" | "mpeg2video":
                return _bits_after(data, _MPEG2_PICTURE, 1, 3, mask=7) not in (None, _MPEG2_INTRA)
            case "vp8":
                return bool(data[:1]) and bool(data[0] & 1)
            case "vp9":
                return not _is_vp9_keyframe(data)
            case "av1":
                return _SEQUENCE_HEADER not in _av1_units(data)
            case "theora":
                return bool(data[:1]) and bool(data[0] & 0x40)
        return False

    @property
    def known(self) -> bool:
        """Whether the codec's syntax tells keyframes."""
        return self._codec in _KNOWN

    def is_field(self, data: bytes) -> bool:
        """Whether an H.264 packet holds one field of a frame."""
        return self._fields is not None and any(self._fields.is_field(unit) for unit in self.units(data))

    def units(self, data: bytes) -> Iterator[bytes]:
        """The NAL units of an H.264 or H.265 packet."""
        return length_prefixed(data, self._length_bytes) if self._length_bytes else start_coded(data)


def is_h264_keyframe(units: Iterable[bytes]) -> bool:
    """Whether decoding can start at a picture. units: its NAL units, or their first bytes."""
    slices = []
    for unit in units:
        kind = unit[0] & 31
        if kind == IDR_SLICE or (kind == _H264_SEI and unit[1:2] == bytes([_RECOVERY_POINT])):
            return True
        if kind == SLICE:
            known = _INTRA_BY_FIRST_BYTE.get(unit[1:2])
            slices.append(_is_intra(unit[1:]) if known is None else known)
    return bool(slices) and all(slices)


def _is_intra(slice_header: bytes) -> bool:
    """Whether an H.264 slice needs no other picture."""
    bits = Bits(slice_header)
    bits.exp_golomb()  # the place of its first macroblock
    return bits.exp_golomb() % 5 in _INTRA


# Of a slice header that begins with the first macroblock: all of the slice's type is in its first byte.
_INTRA_BY_FIRST_BYTE = {bytes([byte]): _is_intra(bytes([byte])) for byte in range(0x88, 0x100)}


def is_hevc_keyframe(units: Iterable[bytes]) -> bool:
    """The same for H.265."""
    return any((unit[0] >> 1) & 63 in _HEVC_IRAP for unit in units)


def _is_vp9_keyframe(data: bytes) -> bool:
    bits = Bits(data)
    bits.read(2)
    profile = bits.read(1) | bits.read(1) << 1
    bits.read(1 if profile == _VP9_LAST_PROFILE else 0)
    shows_earlier, is_inter = bits.read(1), bits.read(1)
    return not shows_earlier and not is_inter


def _av1_units(data: bytes) -> Iterator[int]:
    """The types of the units (OBUs) of a packet."""
    place = 0
    while place < len(data):
        header = data[place]
        place += 2 if header & 4 else 1
        yield header >> 3 & 15
        if not header & 2:  # it has no size: the last one
            return
        size = shift = 0
        while place < len(data) and shift < 56:
            byte = data[place]
            size, shift, place = size | (byte & 127) << shift, shift + 7, place + 1
            if not byte & 128:
                break
        place += size


def _bits_after(data: bytes, code: bytes, skip: int, shift: int, mask: int = 3) -> int | None:
    """Some bits of the byte that stands `skip` bytes after a start code; None without one."""
    place = data.find(code)
    value = data[place + len(code) + skip :][:1] if place >= 0 else b""
    return (value[0] >> shift) & mask if value else None


def _length_bytes(codec: str, extradata: bytes) -> int:
    """Bytes of the length before each NAL unit, as in mp4 and mkv; 0 where start codes stand between them."""
    if codec == "h264" and extradata[:1] == b"\x01" and len(extradata) > 6:
        return (extradata[4] & 3) + 1
    if codec == "hevc" and len(extradata) > 22 and extradata[:3] not in (b"\0\0\0", b"\0\0\x01"):
        return (extradata[21] & 3) + 1
    return 0
