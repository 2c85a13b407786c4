"""Writes Apache Thrift's compact protocol, as far as Parquet's footer and page headers need it. Pure."""

from collections.abc import Sequence

I32, I64, BINARY, LIST, STRUCT = 5, 6, 8, 9, 12

# The number of a field, its type, its encoded value.
Field = tuple[int, int, bytes]


def varint(value: int) -> bytes:
    """A number of at least 0, seven bits to a byte, the lowest first."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def integer(value: int) -> bytes:
    """A signed number of 32 or 64 bits."""
    return varint((value << 1) ^ (value >> 63))


def binary(value: bytes) -> bytes:
    """Bytes, or a text in UTF-8."""
    return varint(len(value)) + value


def listed(kind: int, items: Sequence[bytes]) -> bytes:
    """A list of encoded values of one type."""
    head = bytes([len(items) << 4 | kind]) if len(items) < 15 else bytes([0xF0 | kind]) + varint(len(items))
    return head + b"".join(items)


def struct(*fields: Field) -> bytes:
    """Fields in rising order, each at most 15 above the one before."""
    out = bytearray()
    last = 0
    for number, kind, value in fields:
        out.append((number - last) << 4 | kind)
        out += value
        last = number
    return bytes(out) + b"\0"
