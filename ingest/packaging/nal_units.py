"""H.264 and H.265 packets in the form of an mp4 sample: NAL units after their lengths, parameter sets apart."""

import struct
from collections.abc import Iterable, Iterator

from media import hevc_syntax
from media.h264_syntax import PARAMETERS, length_prefixed, start_coded

_H264_PICTURE_PARAMETERS, _H264_DELIMITER = 8, 9
_HEVC_DELIMITER = 35
_LENGTH = struct.Struct(">I")

# NAL units of the parameter sets, by type, each once.
ParameterSets = dict[int, tuple[bytes, ...]]


def units_of(data: bytes, length_bytes: int) -> Iterator[bytes]:
    """The NAL units of a packet. length_bytes: of the length before each of them; 0 where start codes stand between."""
    return length_prefixed(data, length_bytes) if length_bytes else _trimmed(start_coded(data))


def sample(codec: str, units: Iterable[bytes]) -> tuple[bytes, ParameterSets]:
    """An mp4 sample of one packet, and the parameter sets that came in it. codec: "h264" or "hevc"."""
    parts: list[bytes] = []
    sets: ParameterSets = {}
    for unit in units:
        kind = unit_kind(codec, unit)
        if kind in parameter_kinds(codec):
            if unit not in sets.get(kind, ()):
                sets[kind] = (*sets.get(kind, ()), unit)
        elif kind not in (_H264_DELIMITER if codec == "h264" else _HEVC_DELIMITER,):
            parts += (_LENGTH.pack(len(unit)), unit)
    return b"".join(parts), sets


def unit_kind(codec: str, unit: bytes) -> int:
    """The type of a NAL unit."""
    return unit[0] & 31 if codec == "h264" else unit[0] >> 1 & 63


def parameter_kinds(codec: str) -> tuple[int, ...]:
    """The types of the parameter sets that a decoder needs."""
    if codec == "h264":
        return (PARAMETERS, _H264_PICTURE_PARAMETERS)
    return (hevc_syntax.VIDEO_PARAMETERS, hevc_syntax.SEQUENCE_PARAMETERS, hevc_syntax.PICTURE_PARAMETERS)


def read_extradata(codec: str, extradata: bytes) -> tuple[ParameterSets, int]:
    """The parameter sets in a decoder's extradata, and the bytes of the length before each NAL unit of the packets (0:
    start codes)."""
    if extradata[:1] == b"\x01" and codec == "h264" and len(extradata) > 6:
        return _grouped(codec, _avcc_units(extradata)), (extradata[4] & 3) + 1
    if extradata[:1] == b"\x01" and codec == "hevc" and len(extradata) > 22:
        return _grouped(codec, _hvcc_units(extradata)), (extradata[21] & 3) + 1
    return _grouped(codec, _trimmed(start_coded(extradata))), 0


def _trimmed(units: Iterable[bytes]) -> Iterator[bytes]:
    """Without the zero bytes before the next start code."""
    return (unit.rstrip(b"\0") for unit in units)


def _grouped(codec: str, units: Iterable[bytes]) -> ParameterSets:
    return sample(codec, (unit for unit in units if unit))[1]


def _avcc_units(extradata: bytes) -> Iterator[bytes]:
    place = 6
    count = extradata[5] & 31
    for _ in range(2):
        for _ in range(count):
            length = int.from_bytes(extradata[place : place + 2], "big")
            yield extradata[place + 2 : place + 2 + length]
            place += 2 + length
        count = extradata[place] if place < len(extradata) else 0
        place += 1


def _hvcc_units(extradata: bytes) -> Iterator[bytes]:
    place = 23
    for _ in range(extradata[22]):
        count = int.from_bytes(extradata[place + 1 : place + 3], "big")
        place += 3
        for _ in range(count):
            length = int.from_bytes(extradata[place : place + 2], "big")
            yield extradata[place + 2 : place + 2 + length]
            place += 2 + length
