"""Content-Encoding of responses."""

import zlib
from collections.abc import Iterator, Sequence
from typing import Protocol

import zstandard
from werkzeug.http import parse_accept_header

# In order of preference.
ENCODINGS = ("zstd", "gzip")
_GZIP_LEVEL, _ZSTD_LEVEL = 5, 3
_GZIP_WINDOW = 31  # makes zlib write a gzip header


class _Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self) -> bytes: ...


def choose(accepted: str, offered: Sequence[str] = ENCODINGS) -> str | None:
    """Choose an encoding for an Accept-Encoding header, None for no compression."""
    weights = parse_accept_header(accepted)
    return max((name for name in offered if weights.quality(name) > 0), key=weights.quality, default=None)


def encoded(pieces: Iterator[bytes], encoding: str | None) -> Iterator[bytes]:
    """Compress the pieces as a stream."""
    if encoding is None:
        yield from pieces
        return
    compressor = _compressor(encoding)
    for piece in pieces:
        if data := compressor.compress(piece):
            yield data
    yield compressor.flush()


def _compressor(encoding: str) -> _Compressor:
    if encoding == "zstd":
        return zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compressobj()
    return zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
