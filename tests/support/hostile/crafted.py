"""Files made to do harm, one by one: what grows when it is read, what changes on the way, and what says of itself
that it is endless, empty or backwards."""

import struct
import zlib
from collections.abc import Callable
from fractions import Fraction

from tests.support.hostile.seeds import seed
from tests.support.videos.formats import File, encode, remux

_ZEROS = 1024 * 1024 * 1024
_PIECE = 1024 * 1024


def deflated_zeros(count: int) -> bytes:
    """So many zero bytes, a thousandth as long."""
    packer = zlib.compressobj(9)
    piece = bytes(_PIECE)
    first = packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)  # knows nothing of what was before
    rest = zlib.compressobj(9, wbits=-15)
    end = rest.compress(bytes(count % _PIECE)) + rest.flush()
    checksum = struct.pack(">HH", count % 65521, 1)
    many = count // _PIECE
    return (first + again * (many - 1) if many else first[:2]) + end + checksum


def png(width: int, height: int, *, bits: int = 8, colours: int = 2, data: bytes, before: bytes = b"") -> bytes:
    """A PNG. data: of its picture, deflated. before: chunks ahead of that."""
    header = struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _png_chunk(b"IHDR", header) + before + _png_chunk(b"IDAT", data) + _png_end()


def _png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _png_end() -> bytes:
    return _png_chunk(b"IEND", b"")


def huge_png() -> bytes:
    """More pixels than are accepted, in a file of some kilobytes."""
    return png(50_000, 50_000, data=deflated_zeros(1024 * 1024))


def deep_png() -> bytes:
    """Nearly as many pixels as are accepted, of 8 bytes each."""
    return png(8192, 4350, bits=16, colours=6, data=deflated_zeros((8192 * 8 + 1) * 4350))


def texted_png() -> bytes:
    """A comment that takes a gigabyte when it is unpacked."""
    text = _png_chunk(b"zTXt", b"Comment\0\0" + deflated_zeros(_ZEROS))
    return png(64, 64, data=deflated_zeros((64 * 3 + 1) * 64), before=text)


def profiled_png() -> bytes:
    """A colour profile that takes a gigabyte when it is unpacked."""
    profile = _png_chunk(b"iCCP", b"x\0\0" + deflated_zeros(_ZEROS))
    return png(64, 64, data=deflated_zeros((64 * 3 + 1) * 64), before=profile)


def packed_index() -> bytes:
    """A mov whose index is packed, and takes a gigabyte when it is unpacked."""
    packed = struct.pack(">I", _ZEROS) + deflated_zeros(_ZEROS)
    parts = box(b"dcom", b"zlib") + box(b"cmvd", packed)
    return box(b"ftyp", b"qt  \0\0\0\0qt  ") + box(b"moov", box(b"cmov", parts))


def packed_track() -> bytes:
    """A matroska whose packets are packed, each of them a gigabyte when it is unpacked."""
    packed = element("50 31", element("50 32", b"\1") + element("50 33", b"\1"))  # of what: all; and how
    packed = element("6d 80", element("62 40", packed + element("50 34", element("42 54", b"\0"))))
    video = element("e0", element("b0", struct.pack(">H", 64)) + element("ba", struct.pack(">H", 64)))
    track = element("d7", b"\1") + element("73 c5", b"\1") + element("83", b"\1") + element("86", b"V_MJPEG")
    tracks = element("16 54 ae 6b", element("ae", track + video + packed))
    blocks = [element("a3", b"\x81" + struct.pack(">hB", i, 0x80) + deflated_zeros(_ZEROS)) for i in range(3)]
    cluster = element("1f 43 b6 75", element("e7", b"\0") + b"".join(blocks))
    head = element("1a 45 df a3", element("42 82", b"matroska"))
    return head + element("18 53 80 67", tracks + cluster)


def element(number: str, content: bytes) -> bytes:
    """An element of matroska; number in hex."""
    return bytes.fromhex(number) + struct.pack(">Q", len(content) | 1 << 56) + content


def box(name: bytes, content: bytes) -> bytes:
    """A box of mp4 or mov."""
    return struct.pack(">I", len(content) + 8) + name + content


def nested(depth: int = 100_000) -> bytes:
    """Boxes in boxes."""
    lengths = (8 * (depth - level) for level in range(depth))
    return box(b"ftyp", b"isom\0\0\0\0isom") + b"".join(struct.pack(">I", size) + b"moov" for size in lengths)


def many_tracks() -> bytes:
    """A thousand streams, each of one codec."""
    data = seed("mp4 h264")
    start = data.index(b"trak") - 4
    track = data[start : start + int.from_bytes(data[start : start + 4], "big")]
    moov = data.index(b"moov") - 4
    content = data[moov + 8 : start] + track * 1000 + data[start + len(track) :]
    return data[:moov] + box(b"moov", content)


def growing() -> bytes:
    """The size of the pictures changes on the way, up to one that is far above what is accepted."""
    sizes = ((64, 64), (320, 240), (1280, 720), (64, 64))
    return b"".join(_part(turn, size) for turn, size in enumerate(sizes))


def overgrown() -> bytes:
    """Small pictures, and then one whose header says that it has more pixels than are accepted."""
    small, more = _part(0, (64, 64)), _part(1, (64, 64))
    marker = b"\x00\x00\x01\xb3"
    at = more.rindex(marker) + len(marker)
    return small + more[:at] + (0xFFF << 12 | 0xFFF).to_bytes(3, "big") + more[at + 3 :]


def _part(turn: int, size: tuple[int, int]) -> bytes:
    """Twelve frames, to be put behind those of the turns before."""
    return encode("mpegts", "mpeg2video", times=range(12 * turn, 12 * turn + 12), size=size).content


def standing() -> bytes:
    """Every frame at the same time."""
    return _timed("matroska", lambda number: 0)


def backwards() -> bytes:
    """Times that fall."""
    return _timed("matroska", lambda number: 1000 - 20 * number)


def before_zero() -> bytes:
    """Times below zero, as far as the container can say."""
    return remux(_plain(), "matroska", shift=Fraction(-5)).content


def leaping() -> bytes:
    """Two frames a hundred years apart."""
    return remux(_plain(), "matroska", shift=Fraction(10**9)).content


def _plain() -> File:
    return encode("matroska", "mjpeg", frames=12, size=(64, 64))


def _timed(container: str, time: Callable[[int], int]) -> bytes:
    """The blocks of a matroska with the times given, in its clusters' units."""
    data = bytearray(_plain().content)
    at = -1
    for number in range(12):
        at = data.index(b"\xff\xd8\xff", at + 1)  # the picture; before it: track, time, flags
        data[at - 3 : at - 1] = struct.pack(">h", time(number))
    return bytes(data)


def endless_gif() -> bytes:
    """A canvas of the largest size with a hundred thousand pictures of one pixel."""
    head = b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0x80, 0, 0) + bytes(6)
    picture = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return head + picture * 100_000 + b"\x3b"


def busy_gif() -> bytes:
    """The largest canvas that is accepted, with two hundred thousand pictures of one pixel."""
    return endless_gif().replace(struct.pack("<HH", 65535, 65535), struct.pack("<HH", 8192, 4352), 1) + b"\x3b"


def trailing() -> bytes:
    """A film with a megabyte of noise and a second film behind it."""
    return seed("mp4 h264") + bytes(range(256)) * 4096 + seed("mp4 h264")


CRAFTED: dict[str, Callable[[], bytes]] = {
    make.__name__: make
    for make in (
        huge_png, deep_png, texted_png, profiled_png, packed_index, packed_track, nested, many_tracks, growing,
        overgrown, standing, backwards, before_zero, leaping, endless_gif, busy_gif, trailing,
    )
}  # fmt: skip
CRAFTED |= {
    "nothing": lambda: b"",
    "one byte": lambda: b"\0",
    "zeros": lambda: bytes(1_000_000),
    "text": lambda: b"not a video\n" * 1000,
}
