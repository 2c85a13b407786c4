"""The result file: a job's results as one immutable file that can be read by range.

Layout: magic, header, blocks of 256 frames (independent of the chunks), index of the blocks, 16 bytes of trailer
(offset of the index, magic). The file contains no id, time of day, chunk size or duration: the same video and plan
give the same bytes.
"""

import os
import struct
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import msgspec

from contracts.errors import CorruptData
from contracts.results.codec import EMPTY, Block, compress, concat, decode_block, decompress, encode_block
from contracts.wire.messages import ResultHeader, decode, encode

BLOCK_FRAMES = 256
MAGIC = b"WDRESULT"
_TRAILER = struct.Struct("<Q8s")


class _Index(msgspec.Struct, frozen=True):
    """Offsets of header and blocks: offsets has one entry more than there are blocks."""

    header_size: int
    starts: tuple[int, ...]
    offsets: tuple[int, ...]


def write(sink: BinaryIO, header: ResultHeader, chunks: Iterable[Block]) -> None:
    """Write a result file; chunks: blocks of any length, in frame order."""
    head = compress(encode(header))
    sink.write(MAGIC + head)
    offset = len(MAGIC) + len(head)
    starts: list[int] = []
    offsets = [offset]
    for block in _regroup(chunks):
        data = encode_block(block)
        sink.write(data)
        offset += len(data)
        starts.append(int(block.frame[0]))
        offsets.append(offset)
    sink.write(compress(encode(_Index(len(head), tuple(starts), tuple(offsets)))))
    sink.write(_TRAILER.pack(offset, MAGIC))


class ResultFile:
    """A result file opened for reading. Reads trailer, index and header first, then single blocks on demand."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._size = size = source.seek(0, os.SEEK_END)
        if size < len(MAGIC) + _TRAILER.size:
            raise CorruptData("the result file is cut short")
        offset, magic = _TRAILER.unpack(self._read(size - _TRAILER.size, size))
        if magic != MAGIC or offset > size:
            raise CorruptData("the file is not a result file")
        try:
            self._index = decode(decompress(self._read(offset, size - _TRAILER.size)), _Index)
            head = self._read(len(MAGIC), len(MAGIC) + self._index.header_size)
            self.header = decode(decompress(head), ResultHeader)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise CorruptData(f"the result file cannot be read: {error}") from error
        if len(self._index.offsets) != len(self._index.starts) + 1:
            raise CorruptData("the result file cannot be read: its index does not fit its blocks")

    @property
    def starts(self) -> tuple[int, ...]:
        """First frame number of each block."""
        return self._index.starts

    def block(self, position: int, masks: bool = True) -> Block:
        """The block at a position, without masks unless wanted."""
        return decode_block(self._read(*self._index.offsets[position : position + 2]), masks)

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def _read(self, start: int, stop: int) -> bytes:
        if not 0 <= start <= stop <= self._size:
            raise CorruptData("the result file names a place that it does not have")
        self._source.seek(start)
        data = self._source.read(stop - start)
        if len(data) != stop - start:
            raise CorruptData("the result file is cut short")
        return data


def _regroup(chunks: Iterable[Block]) -> Iterator[Block]:
    """Regroup the frames into blocks of BLOCK_FRAMES; the last one may be shorter."""
    rest = EMPTY
    for chunk in chunks:
        rest = concat([rest, chunk])
        while len(rest) >= BLOCK_FRAMES:
            yield rest.slice(0, BLOCK_FRAMES)
            rest = rest.slice(BLOCK_FRAMES, len(rest))
    if len(rest):
        yield rest
