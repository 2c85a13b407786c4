"""Boxes of the mp4 file format (ISO/IEC 14496-12): an initialisation segment, and media fragments of one frame each.

All times are in ticks of the stream clock. A track has the id 1.
"""

import struct

from contracts.live.streams import TICKS_PER_SECOND

_MATRICES = {
    0: (1, 0, 0, 1),
    90: (0, 1, -1, 0),
    180: (-1, 0, 0, -1),
    270: (0, -1, 1, 0),
}
_KEY_FLAGS, _OTHER_FLAGS = 0x02000000, 0x01010000  # depends on no other sample; depends on others, no sync sample
_DEFAULT_BASE_IS_MOOF = 0x020000
_TRUN_FLAGS = 0x000F01  # data offset; duration, size, flags and composition offset of each sample
_HEADER = struct.Struct(">I4s")
# moof: mfhd, traf: tfhd, tfdt, trun; and the header of mdat.
_FRAGMENT = struct.Struct(">I4s I4sII I4s I4sII I4sIQ I4sIIiIIIi I4s")
_MOOF_BYTES = _FRAGMENT.size - _HEADER.size


def box(kind: bytes, *content: bytes) -> bytes:
    """A box with its size and type."""
    body = b"".join(content)
    return _HEADER.pack(len(body) + 8, kind) + body


def full_box(kind: bytes, version: int, flags: int, *content: bytes) -> bytes:
    """A box with version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *content)


def initialisation_segment(entry: bytes, width: int, height: int, rotation: int) -> bytes:
    """ftyp and moov of a fragmented file with one video track.

    entry: the sample entry, see `sample_entry`. width, height: in pixels, as stored. rotation: degrees clockwise that a
    player applies.
    """
    brands = box(b"ftyp", b"iso6", struct.pack(">I", 0), b"iso6", b"mp41")
    return brands + box(b"moov", _movie_header(), _track(entry, width, height, rotation), _extends())


def sample_entry(kind: bytes, configuration: bytes, width: int, height: int) -> bytes:
    """A visual sample entry. kind: such as b"avc1". configuration: the box with the decoder's configuration."""
    head = bytes(6) + struct.pack(">H16xHHIII", 1, width, height, 0x480000, 0x480000, 0)
    return box(kind, head, struct.pack(">H32xHh", 1, 24, -1), configuration)


def fragment_head(number: int, pts: int, dts: int, duration: int, key: bool, size: int) -> bytes:
    """moof and the header of mdat of a fragment with one sample of that size in bytes, which follows.

    number: of the fragment, from 1 on.
    """
    sample = duration, size, _KEY_FLAGS if key else _OTHER_FLAGS, pts - dts
    return _FRAGMENT.pack(
        *(_MOOF_BYTES, b"moof"),
        *(16, b"mfhd", 0, number & 0xFFFFFFFF),
        *(_MOOF_BYTES - 24, b"traf"),
        *(16, b"tfhd", _DEFAULT_BASE_IS_MOOF, 1),
        *(20, b"tfdt", 1 << 24, dts),
        *(36, b"trun", 1 << 24 | _TRUN_FLAGS, 1, _MOOF_BYTES + 8, *sample),
        *(size + 8, b"mdat"),
    )


def _matrix(rotation: int) -> bytes:
    a, b, c, d = _MATRICES[rotation % 360]
    return struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)


def _movie_header() -> bytes:
    times = struct.pack(">IIII", 0, 0, TICKS_PER_SECOND, 0)
    return full_box(b"mvhd", 0, 0, times, struct.pack(">IH10x", 0x10000, 0x100), _matrix(0), bytes(24), b"\0\0\0\2")


def _track(entry: bytes, width: int, height: int, rotation: int) -> bytes:
    header = full_box(
        b"tkhd",
        0,
        3,
        struct.pack(">IIIII8xhhhh", 0, 0, 1, 0, 0, 0, 0, 0, 0),
        _matrix(rotation),
        struct.pack(">II", width << 16, height << 16),
    )
    media_header = full_box(b"mdhd", 0, 0, struct.pack(">IIIIHH", 0, 0, TICKS_PER_SECOND, 0, 0x55C4, 0))
    handler = full_box(b"hdlr", 0, 0, struct.pack(">I4s12x", 0, b"vide"), b"video\0")
    reference = box(b"dinf", full_box(b"dref", 0, 0, struct.pack(">I", 1), full_box(b"url ", 0, 1)))
    tables = box(
        b"stbl",
        full_box(b"stsd", 0, 0, struct.pack(">I", 1), entry),
        *(full_box(kind, 0, 0, bytes(4)) for kind in (b"stts", b"stsc")),
        full_box(b"stsz", 0, 0, bytes(8)),
        full_box(b"stco", 0, 0, bytes(4)),
    )
    information = box(b"minf", full_box(b"vmhd", 0, 1, bytes(8)), reference, tables)
    return box(b"trak", header, box(b"mdia", media_header, handler, information))


def _extends() -> bytes:
    return box(b"mvex", full_box(b"trex", 0, 0, struct.pack(">IIIII", 1, 1, 0, 0, 0)))
