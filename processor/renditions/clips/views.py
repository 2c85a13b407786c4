"""One open file as several readers, each at a place of its own."""

import io
import os
from typing import BinaryIO, cast


class _View(io.RawIOBase):
    def __init__(self, source: BinaryIO) -> None:
        super().__init__()
        self._source = source
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_CUR:
            offset, whence = self._place + offset, os.SEEK_SET
        place = self._source.seek(offset, whence)
        if place >= 0:  # a watched source answers -1 where there is no such place
            self._place = place
        return place

    def tell(self) -> int:
        return self._place

    def read(self, size: int = -1) -> bytes:
        self._source.seek(self._place)
        data = self._source.read(size)
        self._place += len(data)
        return data


def view(source: BinaryIO) -> BinaryIO:
    """A reader of a source that other views read as well, from the same thread. The source stays open."""
    return cast(BinaryIO, _View(source))
