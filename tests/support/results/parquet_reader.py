"""A strict reader of flat Parquet files with plain pages, by the published format."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import zstandard

MAGIC = b"PAR1"
BOOLEAN, INT32, INT64, DOUBLE, BYTE_ARRAY = 0, 1, 2, 5, 6
_DTYPES = {INT32: "<i4", INT64: "<i8", DOUBLE: "<f8"}
_ZSTD = 6


@dataclass
class Table:
    """Rows of all columns by name, None where a value is missing; rows of each row group; key-value metadata; the least
    and greatest value of each column of each row group, by name, where they are stated."""

    columns: dict[str, list[Any]]
    groups: list[int]
    metadata: dict[str, bytes]
    ranges: list[dict[str, tuple[Any, Any]]]


class _Thrift:
    """Thrift's compact protocol: structs as dictionaries by field number."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data, self.at = data, at

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def varint(self) -> int:
        value = shift = 0
        while True:
            one = self.byte()
            value |= (one & 0x7F) << shift
            shift += 7
            if one < 0x80:
                return value

    def number(self) -> int:
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def value(self, kind: int) -> Any:
        if kind in (5, 6):
            return self.number()
        if kind == 8:
            size = self.varint()
            self.at += size
            return self.data[self.at - size : self.at]
        if kind == 9:
            head = self.byte()
            size = self.varint() if head >> 4 == 15 else head >> 4
            return [self.value(head & 0x0F) for _ in range(size)]
        assert kind == 12, f"type {kind}"
        return self.struct()

    def struct(self) -> dict[int, Any]:
        found: dict[int, Any] = {}
        last = 0
        while head := self.byte():
            last = last + (head >> 4) if head >> 4 else self.number()
            assert last not in found
            found[last] = self.value(head & 0x0F)
        return found


def read(data: bytes) -> Table:
    """Read a file. Raises AssertionError where it is not as the format says."""
    assert data[:4] == data[-4:] == MAGIC
    size = int.from_bytes(data[-8:-4], "little")
    footer = _Thrift(data, len(data) - 8 - size)
    found = footer.struct()
    assert footer.at == len(data) - 8
    root, *columns = found[2]
    assert root[5] == len(columns) == len(found[7])
    table = Table({column[4].decode(): [] for column in columns}, [], {}, [])
    position = len(MAGIC)
    for group in found[4]:
        table.groups.append(group[3])
        table.ranges.append({})
        for chunk, column in zip(group[1], columns, strict=True):
            known = chunk[3]
            assert (known[3], known[1], known[9]) == ([column[4]], column[1], position)
            name = column[4].decode()
            table.columns[name] += _values(data[position : position + known[7]], known, column, group[3])
            if 12 in known:
                low, high = (np.frombuffer(known[12][side], _DTYPES[column[1]]).item() for side in (6, 5))
                table.ranges[-1][name] = (low, high)
            position += known[7]
        assert sum(chunk[3][6] for chunk in group[1]) == group[2]
    assert position == len(data) - 8 - size
    assert sum(table.groups) == found[3]
    assert all(len(values) == found[3] for values in table.columns.values())
    table.metadata = {pair[1].decode(): pair[2] for pair in found[5]}
    return table


def _values(data: bytes, known: dict[int, Any], column: dict[int, Any], rows: int) -> list[Any]:
    """The values of a column chunk, which is one page."""
    thrift = _Thrift(data)
    head = thrift.struct()
    assert (head[1], known[4], known[5], head[5][1], head[5][2]) == (0, _ZSTD, rows, rows, 0)
    assert (len(data) - thrift.at, thrift.at + head[2]) == (head[3], known[6])
    content = zstandard.ZstdDecompressor().decompress(data[thrift.at :])
    assert len(content) == head[2]
    if not column[3]:
        return list(_plain(content, column[1], rows))
    size = int.from_bytes(content[:4], "little")
    levels = _Thrift(content[4 : 4 + size])
    run = levels.varint()
    assert run & 1 and run >> 1 == -(-rows // 8) == size - levels.at  # noqa: PT018
    there = np.unpackbits(np.frombuffer(levels.data[levels.at :], np.uint8), count=rows, bitorder="little")
    values = _plain(content[4 + size :], column[1], int(there.sum()))
    return [next(values) if known else None for known in there.tolist()]


def _plain(content: bytes, kind: int, count: int) -> Iterator[Any]:
    """Values of the encoding PLAIN."""
    if kind == BYTE_ARRAY:
        starts = [0]
        for _ in range(count):
            starts.append(starts[-1] + 4 + struct.unpack_from("<I", content, starts[-1])[0])
        assert starts[-1] == len(content)
        return iter([content[start + 4 : end].decode() for start, end in pairwise(starts)])
    if kind == BOOLEAN:
        assert len(content) == -(-count // 8)
        return iter(
            np.unpackbits(np.frombuffer(content, np.uint8), count=count, bitorder="little").astype(bool).tolist()
        )
    values = np.frombuffer(content, _DTYPES[kind])
    assert len(values) == count
    return iter(values.tolist())
