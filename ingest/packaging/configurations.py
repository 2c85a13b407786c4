"""Codec configurations: from a source's parameter sets to what a decoder and a player need."""

import struct
from dataclasses import dataclass

from contracts.live.packets import CodecConfig
from ingest.packaging.boxes import box, initialisation_segment, sample_entry
from ingest.packaging.nal_units import ParameterSets, parameter_kinds
from media import hevc_syntax
from media.h264_syntax import PARAMETERS, picture_size

JPEG = "image/jpeg"
_FOUR_BYTE_LENGTHS = 3
_ENTRIES = {"h264": (b"avc1", b"avcC"), "hevc": (b"hvc1", b"hvcC")}


@dataclass(frozen=True, slots=True)
class Described:
    """extradata: avcC or hvcC. width, height: in pixels, as stored. codecs: as in a MIME type."""

    extradata: bytes
    width: int
    height: int
    codecs: str


def is_complete(codec: str, sets: ParameterSets) -> bool:
    """Whether there is all that a decoder needs."""
    return all(sets.get(kind) for kind in parameter_kinds(codec))


def described(codec: str, sets: ParameterSets) -> Described | None:
    """From complete parameter sets; None where they are not valid."""
    return _h264(sets) if codec == "h264" else _hevc(sets)


def nal_config(number: int, codec: str, what: Described, rotation: int) -> CodecConfig:
    """The configuration of an H.264 or H.265 stream."""
    kind, configuration = _ENTRIES[codec]
    entry = sample_entry(kind, box(configuration, what.extradata), what.width, what.height)
    init = initialisation_segment(entry, what.width, what.height, rotation)
    mime = f'video/mp4; codecs="{what.codecs}"'
    return CodecConfig(number, codec, what.extradata, what.width, what.height, rotation, mime, init)


def jpeg_config(number: int, size: tuple[int, int], rotation: int) -> CodecConfig:
    """The configuration of a stream of JPEGs."""
    return CodecConfig(number, "mjpeg", b"", *size, rotation, JPEG, b"")


def other_config(number: int, codec: str, extradata: bytes, size: tuple[int, int], rotation: int) -> CodecConfig:
    """The configuration of a codec that is analysed, and neither shown nor recorded."""
    return CodecConfig(number, codec, extradata, *size, rotation, "", b"")


def _h264(sets: ParameterSets) -> Described | None:
    sequence, picture = sets[PARAMETERS], sets[PARAMETERS + 1]
    first = sequence[-1]
    size = picture_size(first) if len(first) > 3 else None
    if size is None:
        return None
    head = bytes((1, *first[1:4], 0xFC | _FOUR_BYTE_LENGTHS))
    extradata = head + _listed(0xE0, sequence) + _listed(0, picture)
    return Described(extradata, *size, f"avc1.{first[1:4].hex()}")


def _listed(marks: int, units: tuple[bytes, ...]) -> bytes:
    return bytes((marks | len(units) & 31,)) + b"".join(struct.pack(">H", len(unit)) + unit for unit in units)


def _hevc(sets: ParameterSets) -> Described | None:
    found = hevc_syntax.Format.of(sets[hevc_syntax.SEQUENCE_PARAMETERS][-1])
    if found is None:
        return None
    rates = found.layers << 3 | found.nested << 2 | _FOUR_BYTE_LENGTHS
    head = b"\x01" + found.profile + struct.pack(">HB", 0xF000, 0xFC)
    head += bytes((0xFC | found.chroma, *(0xF8 | depth - 8 for depth in found.depth))) + struct.pack(">HB", 0, rates)
    arrays = b"".join(
        bytes((0x80 | kind,)) + struct.pack(">H", len(units)) + b"".join(struct.pack(">H", len(u)) + u for u in units)
        for kind, units in sorted(sets.items())
    )
    extradata = head + bytes((len(sets),)) + arrays
    return Described(extradata, found.width, found.height, _hevc_codecs(found.profile))


def _hevc_codecs(profile: bytes) -> str:
    """As ISO/IEC 14496-15, annex E, writes it. profile: 12 bytes."""
    space = ("", "A", "B", "C")[profile[0] >> 6]
    compatible = int(f"{int.from_bytes(profile[1:5], 'big'):032b}"[::-1], 2)
    tier = "H" if profile[0] & 0x20 else "L"
    constraints = profile[5:11].rstrip(b"\0")
    parts = [f"hvc1.{space}{profile[0] & 31}", f"{compatible:X}", f"{tier}{profile[11]}"]
    return ".".join(parts + [f"{byte:X}" for byte in constraints])
