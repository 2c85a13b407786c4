"""Ways to break a good file. Pure: the same file and the same random numbers give the same bytes."""

import random
import re
import struct
from collections.abc import Callable

from tests.support.hostile.seeds import SEEDS, seed

Mutation = Callable[[bytes, random.Random], bytes]

# Where readers go wrong: around nothing, around the ends of the machine's numbers.
_WORDS = (0, 1, 7, 8, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
_LONGS = (0, 1, 0x7FFFFFFFFFFFFFFF, 0x8000000000000000, 0xFFFFFFFFFFFFFFFF, 0x4000000000000000)
# Names of boxes in mp4 and mov; the length stands before each.
_BOXES = re.compile(
    rb"ftyp|moov|mvhd|trak|tkhd|edts|elst|mdia|mdhd|hdlr|minf|dinf|dref|stbl|stsd|avc1|avcC|hvc1|hvcC|stts|ctts|stss|"
    rb"stsc|stsz|stco|co64|sdtp|moof|mfhd|traf|tfhd|tfdt|trun|mvex|trex|mdat|udta|meta|colr|pasp|mfra|tfra|apch|jpeg"
)
# Boxes that count their entries, and where the count stands behind the name.
_COUNTS = {b"stts": 4, b"ctts": 4, b"stss": 4, b"stsc": 4, b"stsz": 8, b"stco": 4, b"elst": 4, b"dref": 4, b"stsd": 4}
_COUNTS |= {b"trun": 4}
# Boxes of times: entries of pairs behind the count.
_TIMES = (b"stts", b"ctts", b"elst")
# Where width and height stand, in words of so many bytes: (name, offset behind it, bytes, byte order).
_SIZES = {
    b"tkhd": (80, 4, "big"),  # mp4, mov: of the track
    b"avc1": (24 + 4, 2, "big"),
    b"hvc1": (24 + 4, 2, "big"),
    b"apch": (24 + 4, 2, "big"),
    b"jpeg": (24 + 4, 2, "big"),
    b"IHDR": (4, 4, "big"),  # png
    b"fcTL": (8, 4, "big"),  # apng: of one picture
    b"GIF89a": (6, 2, "little"),
    b"VP8 ": (14, 2, "little"),  # webp
    b"strf": (12, 4, "little"),  # avi
    b"avih": (40, 4, "little"),
    b"\xff\xc0": (5, 2, "big"),  # jpeg
    b"\xb0\x81": (1, 1, "big"),  # matroska: PixelWidth of one byte
    b"\x00\x00\x01\xb3": (4, 3, "big"),  # mpeg: both in 24 bits
}
# Elements of matroska: (number, what its value is for).
_ELEMENTS: tuple[bytes, ...] = (
    b"\x2a\xd7\xb1",
    b"\x44\x89",
    b"\x23\xe3\x83",
    b"\xe7",
    b"\xa3",
    b"\xa0",
    b"\x1f\x43\xb6\x75",
    b"\x53\xab",
)
_ELEMENTS += (b"\xb0", b"\xba", b"\x63\xa2", b"\x16\x54\xae\x6b", b"\xbb", b"\xb3", b"\xf1", b"\x15\x49\xa9\x66")


def cut(data: bytes, rng: random.Random) -> bytes:
    """The beginning alone."""
    return data[: rng.randrange(1, len(data))]


def flip(data: bytes, rng: random.Random) -> bytes:
    """Some bits the other way round: few or many, anywhere or where the headers are."""
    out = bytearray(data)
    reach = rng.choice((64, 1024, 4096, len(out)))
    for _ in range(rng.choice((1, 1, 4, 32, 256))):
        at = rng.randrange(min(reach, len(out)))
        if rng.random() < 0.3:
            at = len(out) - 1 - at  # mp4 has its index at the end
        out[at] ^= 1 << rng.randrange(8)
    return bytes(out)


def overwrite(data: bytes, rng: random.Random) -> bytes:
    """A run of one byte, or of noise."""
    start = rng.randrange(len(data))
    length = min(rng.choice((4, 64, 1024, 16384)), len(data) - start)
    run = rng.randbytes(length) if rng.random() < 0.5 else bytes([rng.choice((0, 0xFF, 0x47))]) * length
    return data[:start] + run + data[start + length :]


def drop(data: bytes, rng: random.Random) -> bytes:
    """A part is missing, so that what stands behind it lies elsewhere."""
    start = rng.randrange(len(data))
    return data[:start] + data[start + rng.choice((1, 3, 188, 1000, 20000)) :]


def repeat(data: bytes, rng: random.Random) -> bytes:
    """A part comes twice, or a thousand times."""
    start = rng.randrange(len(data))
    part = data[start : start + rng.choice((16, 188, 2000))]
    return data[:start] + part * rng.choice((2, 10, 1000)) + data[start:]


def splice(data: bytes, rng: random.Random) -> bytes:
    """The beginning of one file with the end of another."""
    other = seed(rng.choice(list(SEEDS)))
    return data[: rng.randrange(1, len(data))] + other[rng.randrange(len(other)) :]


def word(data: bytes, rng: random.Random) -> bytes:
    """A number where any may stand, in the first or last kilobytes."""
    at = rng.randrange(min(len(data), 4096))
    at = len(data) - 1 - at if rng.random() < 0.4 else at
    value = struct.pack(rng.choice((">I", "<I")), rng.choice(_WORDS))
    if rng.random() < 0.3:
        value = struct.pack(rng.choice((">Q", "<Q")), rng.choice(_LONGS))
    return _put(data, at, value)


def length(data: bytes, rng: random.Random) -> bytes:
    """A box of mp4 or mov that lies about its length."""
    found = [match for match in _BOXES.finditer(data) if match.start() >= 4]
    if not found:
        return word(data, rng)
    box = rng.choice(found)
    real = int.from_bytes(data[box.start() - 4 : box.start()], "big")
    value = rng.choice((*_WORDS, len(data), len(data) * 2, max(real - 1, 0), real + 1, real * 2 & 0xFFFFFFFF))
    out = _put(data, box.start() - 4, struct.pack(">I", value))
    # 1: the length stands behind the name, in 8 bytes.
    return _put(out, box.end(), struct.pack(">Q", rng.choice(_LONGS))) if value == 1 else out


def count(data: bytes, rng: random.Random) -> bytes:
    """A table that announces more entries than there are, or fewer."""
    found = [(m.end() + _COUNTS[m[0]]) for m in _BOXES.finditer(data) if m[0] in _COUNTS]
    return _put(data, rng.choice(found), struct.pack(">I", rng.choice(_WORDS))) if found else word(data, rng)


def times(data: bytes, rng: random.Random) -> bytes:
    """Times that stand still, run backwards or leap."""
    found = [m for m in _BOXES.finditer(data) if m[0] in _TIMES]
    if not found:
        return element(data, rng)
    box = rng.choice(found)
    entries = int.from_bytes(data[box.end() + 4 : box.end() + 8], "big")
    at = box.end() + 8 + 8 * rng.randrange(min(max(entries, 1), 64)) + rng.choice((0, 4))
    return _put(data, at, struct.pack(">I", rng.choice(_WORDS)))


def dimensions(data: bytes, rng: random.Random) -> bytes:
    """Frames of no size, or of a huge one."""
    found = [(m, name) for name in _SIZES for m in re.finditer(re.escape(name), data[:8192] + data[-8192:])]
    if not found:
        return element(data, rng)
    _, name = rng.choice(found)
    offset, width, order = _SIZES[name]
    at = data.find(name) + len(name) + offset - (len(name) if name.startswith(b"GIF") else 0)
    most = 256**width
    for place in (at, at + width):
        value = rng.choice((0, 1, 2, 3, 16384 % most, 65535 % most, most - 1, most // 2))
        # The program's order of bytes and the table's agree by name.
        data = _put(data, place, value.to_bytes(width, "little" if order == "little" else "big"))
    return data


def element(data: bytes, rng: random.Random) -> bytes:
    """An element of matroska whose length or value is another one."""
    name = rng.choice(_ELEMENTS)
    found = [m.end() for m in re.finditer(re.escape(name), data)]
    if not found:
        return word(data, rng)
    at = rng.choice(found)
    lies = (b"\xff", b"\x80", b"\x01\xff\xff\xff\xff\xff\xff\xff", b"\x08\xff\xff\xff\xff", b"\x00", b"\x40\x00")
    if rng.random() < 0.5:
        return _put(data, at, rng.choice(lies))
    return _put(data, at + 1, struct.pack(">Q", rng.choice(_LONGS))[: rng.choice((1, 2, 4, 8))])


MUTATIONS: dict[str, Mutation] = {
    function.__name__: function
    for function in (cut, flip, overwrite, drop, repeat, splice, word, length, count, times, dimensions, element)
}


def mutant(start: int, number: int) -> tuple[str, bytes]:
    """The case of that number in the run that started with that number: what it is, and the file."""
    rng = random.Random(f"{start}:{number}")
    names = sorted(SEEDS)
    name = names[number % len(names)]
    chosen = [rng.choice(sorted(MUTATIONS)) for _ in range(rng.choice((1, 1, 1, 2, 4)))]
    data = seed(name)
    for mutation in chosen:
        data = MUTATIONS[mutation](data, rng) or b"\0"
    return f"{start}:{number} {name} {'+'.join(chosen)}", data


def truncations(places: int) -> list[tuple[str, bytes]]:
    """Every good file cut at so many places, evenly, with some at its very beginning and end."""
    found = []
    for name in SEEDS:
        whole = seed(name)
        near = (1, 4, 12, 64, len(whole) - 16, len(whole) - 1)
        even = (len(whole) * place // places for place in range(1, places))
        chosen = sorted({at for at in (*near[: places // 3], *even) if 0 < at < len(whole)})[:places]
        found += [(f"{name} cut at {at}", whole[:at]) for at in chosen]
    return found


def _put(data: bytes, at: int, value: bytes) -> bytes:
    """The value over what stands there; the length stays."""
    at = max(0, min(at, len(data) - 1))
    return (data[:at] + value + data[at + len(value) :])[: len(data)]
