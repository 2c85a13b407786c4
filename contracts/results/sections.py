"""A file of sections that is read by range: magic, header, sections one after the other, an index that says where they
begin, and a trailer of 16 bytes (offset of the index, magic)."""

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, TypeVar

import msgspec

from contracts.errors import CorruptData
from contracts.results.codec import compress, decompress
from contracts.wire.messages import decode, encode

_TRAILER = struct.Struct("<Q8s")
T = TypeVar("T", bound=msgspec.Struct)


class Writer:
    """Writes such a file. offset: where the next section begins. header_size: in bytes, as written."""

    def __init__(self, sink: BinaryIO, magic: bytes, header: msgspec.Struct) -> None:
        self._sink, self._magic = sink, magic
        head = compress(encode(header))
        self.header_size = len(head)
        self.offset = 0
        self.add(magic + head)

    def add(self, data: bytes) -> None:
        """Write a section."""
        self._sink.write(data)
        self.offset += len(data)

    def end(self, index: msgspec.Struct) -> None:
        """Write index and trailer."""
        self._sink.write(compress(encode(index)))
        self._sink.write(_TRAILER.pack(self.offset, self._magic))


class Reader:
    """Such a file opened for reading. name: of the file in errors, as in "result file"."""

    def __init__(self, source: BinaryIO, magic: bytes, name: str) -> None:
        self._source, self._magic, self._name = source, magic, name
        self._size = source.seek(0, os.SEEK_END)

    def index(self, kind: type[T]) -> T:
        """The index. Raises CorruptData."""
        if self._size < len(self._magic) + _TRAILER.size:
            raise CorruptData(f"the {self._name} is cut short")
        offset, magic = _TRAILER.unpack(self.section(self._size - _TRAILER.size, self._size))
        if magic != self._magic or offset > self._size:
            raise CorruptData(f"the file is not a {self._name}")
        with self._decoding():
            return decode(decompress(self.section(offset, self._size - _TRAILER.size)), kind)

    def header(self, size: int, kind: type[T]) -> T:
        """The header, of so many bytes. Raises CorruptData."""
        with self._decoding():
            return decode(decompress(self.section(len(self._magic), len(self._magic) + size)), kind)

    def section(self, start: int, stop: int) -> bytes:
        """The bytes from start to stop. Raises CorruptData."""
        if not 0 <= start <= stop <= self._size:
            raise CorruptData(f"the {self._name} names a place that it does not have")
        self._source.seek(start)
        data = self._source.read(stop - start)
        if len(data) != stop - start:
            raise CorruptData(f"the {self._name} is cut short")
        return data

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    @contextmanager
    def _decoding(self) -> Iterator[None]:
        try:
            yield
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise CorruptData(f"the {self._name} cannot be read: {error}") from error
