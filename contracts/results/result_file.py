"""The result file: a job's results as one immutable file that can be read by range.

Layout: magic, header, blocks of 256 frames (independent of the chunks), index of the blocks, 16 bytes of trailer
(offset of the index, magic). The file contains no id, time of day, chunk size or duration: the same video and plan
give the same bytes.
"""

from collections.abc import Iterable, Iterator
from typing import BinaryIO

import msgspec

from contracts.errors import CorruptData
from contracts.results import sections
from contracts.results.codec import EMPTY, Block, concat, decode_block, encode_block
from contracts.wire.messages import ResultHeader

BLOCK_FRAMES = 256
MAGIC = b"WDRESULT"


class _Index(msgspec.Struct, frozen=True):
    """Offsets of header and blocks: offsets has one entry more than there are blocks."""

    header_size: int
    starts: tuple[int, ...]
    offsets: tuple[int, ...]


def write(sink: BinaryIO, header: ResultHeader, chunks: Iterable[Block]) -> None:
    """Write a result file; chunks: blocks of any length, in frame order."""
    writer = sections.Writer(sink, MAGIC, header)
    starts: list[int] = []
    offsets = [writer.offset]
    for block in regroup(chunks):
        writer.add(encode_block(block))
        starts.append(int(block.frame[0]))
        offsets.append(writer.offset)
    writer.end(_Index(writer.header_size, tuple(starts), tuple(offsets)))


class ResultFile:
    """A result file opened for reading. Reads trailer, index and header first, then single blocks on demand."""

    def __init__(self, source: BinaryIO) -> None:
        self._reader = sections.Reader(source, MAGIC, "result file")
        self._index = self._reader.index(_Index)
        self.header = self._reader.header(self._index.header_size, ResultHeader)
        if len(self._index.offsets) != len(self._index.starts) + 1:
            raise CorruptData("the result file cannot be read: its index does not fit its blocks")

    @property
    def starts(self) -> tuple[int, ...]:
        """First frame number of each block."""
        return self._index.starts

    def block(self, position: int, masks: bool = True) -> Block:
        """The block at a position, without masks unless wanted."""
        return decode_block(self.encoded(position), masks)

    def encoded(self, position: int) -> bytes:
        """The bytes of the block at a position."""
        return self._reader.section(*self._index.offsets[position : position + 2])

    def close(self) -> None:
        """Close the source."""
        self._reader.close()


def regroup(chunks: Iterable[Block]) -> Iterator[Block]:
    """Regroup the frames into blocks of BLOCK_FRAMES; the last one may be shorter."""
    rest = EMPTY
    for chunk in chunks:
        rest = concat([rest, chunk])
        while len(rest) >= BLOCK_FRAMES:
            yield rest.slice(0, BLOCK_FRAMES)
            rest = rest.slice(BLOCK_FRAMES, len(rest))
    if len(rest):
        yield rest
