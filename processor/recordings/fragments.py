"""What of a recording is whole: an ingest that was killed leaves its last fragment cut short."""

import io
import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

from contracts.live.recordings import JPEG_MAGIC, JPEG_RECORD

_BOX = struct.Struct(">I4s")
_LONG = struct.Struct(">Q")
_IS_LONG = 1
_MOST_PICTURE_BYTES = 256 * 1024**2


class Beginning(io.RawIOBase):
    """The first bytes of a source, as a reader of its own; the source must not be used meanwhile."""

    def __init__(self, source: BinaryIO, size: int) -> None:
        super().__init__()
        self._source, self._size, self._at = source, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._size - self._at)
        self._source.seek(self._at)
        data = self._source.read(left if size < 0 else min(size, left))
        self._at += len(data)
        return data


def whole_size(source: BinaryIO) -> int:
    """Bytes up to the end of the last whole media fragment of a fragmented mp4; 0 when there is none."""
    size, at, whole = source.seek(0, os.SEEK_END), 0, 0
    while at + _BOX.size <= size:
        source.seek(at)
        head = source.read(_BOX.size + _LONG.size)
        length, kind = _BOX.unpack_from(head)
        if length == _IS_LONG and len(head) == _BOX.size + _LONG.size:
            (length,) = _LONG.unpack_from(head, _BOX.size)
        at += length
        if length < _BOX.size or at > size:
            break
        if kind == b"mdat":
            whole = at
    return whole


def is_pictures(source: BinaryIO) -> bool:
    """Whether a recording consists of JPEG pictures."""
    source.seek(0)
    return source.read(len(JPEG_MAGIC)) == JPEG_MAGIC


def pictures(source: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """pts and bytes of each whole picture of such a recording, those with rising pts."""
    source.seek(len(JPEG_MAGIC))
    last = -1
    while len(head := source.read(JPEG_RECORD.size)) == JPEG_RECORD.size:
        pts, size = JPEG_RECORD.unpack(head)
        if size > _MOST_PICTURE_BYTES:
            return
        data = source.read(size)
        if len(data) < size:
            return
        if pts > last:
            yield pts, data
            last = pts
