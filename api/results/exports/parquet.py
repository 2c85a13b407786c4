"""Parquet: a row per object, in row groups of a bounded size. Pure except for reading segments.

A writer of our own for flat columns: one plain, zstd-compressed page per column and row group, with the least and the
greatest number of each, by which readers skip row groups. See https://parquet.apache.org/docs/file-format/.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import zstandard
from msgspec import UNSET
from numpy.typing import NDArray

from api.results.exports.export import Export, info
from api.results.exports.thrift import BINARY, I32, I64, LIST, STRUCT, binary, integer, listed, struct, varint
from contracts.results.codec import BOX_SCALE, SCORE_SCALE, Block, concat, times_ms

ROWS = 122_880  # of a row group: what DuckDB reads at once
MAGIC = b"PAR1"
_REQUIRED, _OPTIONAL = 0, 1
_PLAIN, _RLE = 0, 3
_ZSTD = 6
_STRING = struct((1, STRUCT, struct()))
_BOOLEAN, _INT32, _INT64, _DOUBLE, _BYTES = 0, 1, 2, 5, 6
_DTYPES = {_INT32: "<i4", _INT64: "<i8", _DOUBLE: "<f8"}


@dataclass(frozen=True, slots=True)
class _Column:
    """kind: a physical type of Parquet. optional: whether it may lack values."""

    name: str
    kind: int
    optional: bool = False

    def schema(self) -> bytes:
        """Its SchemaElement."""
        repetition = (3, I32, integer(_OPTIONAL if self.optional else _REQUIRED))
        text = ((6, I32, integer(0)), (10, STRUCT, _STRING)) if self.kind == _BYTES else ()
        return struct((1, I32, integer(self.kind)), repetition, (4, BINARY, binary(self.name.encode())), *text)


def as_parquet(export: Export) -> Iterator[bytes]:
    """The columns of the CSV export, with `track` and `filled` as there; a `track` that is none is null."""
    header = export.frames.header
    columns = [
        *(_Column("frame", _INT64), _Column("time_ms", _DOUBLE), _Column("label", _BYTES), _Column("class_id", _INT32)),
        *(_Column(name, _DOUBLE) for name in ("score", "x1", "y1", "x2", "y2")),
        *([_Column("track", _INT32, optional=True)] if export.frames.tracks is not None else []),
        *([_Column("filled", _BOOLEAN)] if header.plan.options.frames is not UNSET else []),
    ]
    labels = [_prefixed(label.encode()) for label in header.labels]
    yield MAGIC
    offset, rows, groups = len(MAGIC), 0, []
    for block in _row_groups(export):
        count = len(block.score)
        values = _values(block, labels, times_ms(block.time, header.time_base))
        chunks, size = [], 0
        for column in columns:
            page, chunk, unpacked = _chunk(column, values[column.name], count, offset)
            yield page
            offset += len(page)
            size += unpacked
            chunks.append(chunk)
        rows += count
        groups.append(struct((1, LIST, listed(STRUCT, chunks)), (2, I64, integer(size)), (3, I64, integer(count))))
    footer = _footer(columns, rows, groups, msgspec.json.encode(info(export)))
    yield footer + len(footer).to_bytes(4, "little") + MAGIC


def _row_groups(export: Export) -> Iterator[Block]:
    """The selected objects in blocks of about ROWS."""
    held: list[Block] = []
    for block in export.blocks():
        if len(block.score):
            held.append(block)
        if sum(len(one.score) for one in held) >= ROWS:
            yield concat(held)
            held = []
    if held:
        yield concat(held)


def _values(block: Block, labels: Sequence[bytes], times: NDArray[np.float64]) -> dict[str, Any]:
    """The values of each column of a row group, [d]; of labels, their bytes."""
    box = block.box / BOX_SCALE
    return {
        "frame": np.repeat(block.frame, block.count),
        "time_ms": np.repeat(times, block.count),
        "label": b"".join([labels[class_id] for class_id in block.class_id.tolist()]),
        "class_id": block.class_id,
        "score": block.score / SCORE_SCALE,
        **{name: box[:, side] for side, name in enumerate(("x1", "y1", "x2", "y2"))},
        "track": block.tracks,
        "filled": np.repeat(block.is_filled, block.count),
    }


def _chunk(column: _Column, values: Any, count: int, offset: int) -> tuple[bytes, bytes, int]:
    """A column of a row group: its page with the header, its ColumnChunk, and its size before compression.

    values: as in `_values`; of an optional column, 0 for none. offset: of the page in the file.
    """
    levels, statistics = b"", b""
    if column.optional:
        levels = _levels(values != 0)
        values = values[values != 0]
    if column.kind == _BYTES:
        plain = values
    elif column.kind == _BOOLEAN:
        plain = np.packbits(values, bitorder="little").tobytes()
    else:
        numbers = np.ascontiguousarray(values, _DTYPES[column.kind])
        plain, statistics = numbers.tobytes(), _statistics(numbers)
    content = levels + plain
    packed = zstandard.ZstdCompressor(level=3).compress(content)
    described = struct(
        (1, I32, integer(count)), (2, I32, integer(_PLAIN)), (3, I32, integer(_RLE)), (4, I32, integer(_RLE))
    )
    head = struct(
        (1, I32, integer(0)), (2, I32, integer(len(content))), (3, I32, integer(len(packed))), (5, STRUCT, described)
    )
    metadata = struct(
        (1, I32, integer(column.kind)),
        (2, LIST, listed(I32, [integer(_PLAIN), integer(_RLE)])),
        (3, LIST, listed(BINARY, [binary(column.name.encode())])),
        (4, I32, integer(_ZSTD)),
        (5, I64, integer(count)),
        (6, I64, integer(len(head) + len(content))),
        (7, I64, integer(len(head) + len(packed))),
        (9, I64, integer(offset)),
        *([(12, STRUCT, statistics)] if statistics else []),
    )
    return head + packed, struct((2, I64, integer(0)), (3, STRUCT, metadata)), len(head) + len(content)


def _levels(there: NDArray[np.bool_]) -> bytes:
    """Which values are there, as definition levels: one run of bits."""
    run = varint(-(-len(there) // 8) << 1 | 1) + np.packbits(there, bitorder="little").tobytes()
    return len(run).to_bytes(4, "little") + run


def _statistics(numbers: NDArray[Any]) -> bytes:
    """Greatest and least of some numbers; nothing of none."""
    if not len(numbers):
        return b""
    return struct((5, BINARY, binary(numbers.max().tobytes())), (6, BINARY, binary(numbers.min().tobytes())))


def _footer(columns: Sequence[_Column], rows: int, groups: Sequence[bytes], about: bytes) -> bytes:
    """FileMetaData. about: job, video and model as JSON, under the key `web_detector`."""
    root = struct((4, BINARY, binary(b"schema")), (5, I32, integer(len(columns))))
    pair = struct((1, BINARY, binary(b"web_detector")), (2, BINARY, binary(about)))
    order = struct((1, STRUCT, struct()))  # numbers are ordered as such, so that their statistics count
    return struct(
        (1, I32, integer(1)),
        (2, LIST, listed(STRUCT, [root, *(column.schema() for column in columns)])),
        (3, I64, integer(rows)),
        (4, LIST, listed(STRUCT, groups)),
        (5, LIST, listed(STRUCT, [pair])),
        (6, BINARY, binary(b"Web-Detector")),
        (7, LIST, listed(STRUCT, [order] * len(columns))),
    )


def _prefixed(text: bytes) -> bytes:
    return len(text).to_bytes(4, "little") + text
