"""A ZIP archive written as a stream, of any number of small files. Pure."""

import struct
import zlib
from collections.abc import Iterator

_LOCAL = struct.Struct("<IHHHHHIIIHH")
_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
_END = struct.Struct("<IHHHHIIH")
_END64 = struct.Struct("<IQHHIIQQQQ")
_LOCATOR64 = struct.Struct("<IIQI")
_OFFSET64 = struct.Struct("<HHQ")
_NO_DATE = (0, 0x21)  # 1 January 1980: equal contents are equal bytes
_UTF8 = 0x800
_DEFLATED = 8
_VERSION, _VERSION64 = 20, 45
_MOST, _MOST_ENTRIES = 0xFFFFFFFF, 0xFFFF
_OUT_BYTES = 64 * 1024


class ZipStream:
    """The archive. Its directory, which comes last, is held compressed: about 15 bytes a file."""

    def __init__(self) -> None:
        self._offset = 0
        self._entries = 0
        self._directory_size = 0
        self._packer = zlib.compressobj(1)
        self._packed = bytearray()

    def add(self, name: str, data: bytes) -> bytes:
        """A file, as bytes of the archive. name: without characters beyond its own format's; data: below 4 GiB."""
        path = name.encode()
        squeezer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
        packed = squeezer.compress(data) + squeezer.flush()
        numbers = (zlib.crc32(data), len(packed), len(data), len(path))
        local = _LOCAL.pack(0x04034B50, _VERSION, _UTF8, _DEFLATED, *_NO_DATE, *numbers, 0) + path
        self._list(path, numbers)
        self._offset += len(local) + len(packed)
        return local + packed

    def end(self) -> Iterator[bytes]:
        """The directory and the end of the archive."""
        self._packed += self._packer.flush()
        unpacker = zlib.decompressobj()
        rest = bytes(self._packed)
        while rest or not unpacker.eof:
            piece = unpacker.decompress(rest, _OUT_BYTES)
            rest = unpacker.unconsumed_tail
            if not piece:
                break
            yield piece
        yield self._tail()

    def _list(self, path: bytes, numbers: tuple[int, int, int, int]) -> None:
        far = self._offset >= _MOST
        extra = _OFFSET64.pack(1, 8, self._offset) if far else b""
        version = _VERSION64 if far else _VERSION
        head = (0x02014B50, version, version, _UTF8, _DEFLATED, *_NO_DATE, *numbers, len(extra))
        record = _CENTRAL.pack(*head, 0, 0, 0, 0, _MOST if far else self._offset) + path + extra
        self._entries += 1
        self._directory_size += len(record)
        self._packed += self._packer.compress(record)

    def _tail(self) -> bytes:
        entries, size, offset = self._entries, self._directory_size, self._offset
        large = entries >= _MOST_ENTRIES or size >= _MOST or offset >= _MOST
        end = _END.pack(0x06054B50, 0, 0, *[min(entries, _MOST_ENTRIES)] * 2, min(size, _MOST), min(offset, _MOST), 0)
        if not large:
            return end
        end64 = _END64.pack(0x06064B50, _END64.size - 12, _VERSION64, _VERSION64, 0, 0, entries, entries, size, offset)
        return end64 + _LOCATOR64.pack(0x07064B50, 0, offset + size, 1) + end
