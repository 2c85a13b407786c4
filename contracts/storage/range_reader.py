"""Readers: a seekable file over range requests, and a wrapper that reports failed reads."""

import io
import os
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from contracts.errors import StorageUnavailable, WebDetectorError

_FIRST_BYTES = 1024 * 1024
_MOST_BYTES = 4 * 1024 * 1024
# Audio and video data that are stored apart, and the index at the end of a file, are read alternately.
_WINDOWS = 4

# All bytes from start (included) to stop (excluded).
Fetch = Callable[[int, int], bytes]


class RangeReader(io.RawIOBase):
    """A seekable reader of an object that is fetched in ranges, with read-ahead.

    It fetches 1 MiB after a seek, and doubles this up to 4 MiB while reading is sequential. It caches four such
    windows, at most 16 MiB. read() returns fewer bytes than requested only at the end.
    """

    def __init__(self, fetch: Fetch, size: int, head: bytes = b"") -> None:
        """size: of the object in bytes. head: its first bytes, if already known."""
        super().__init__()
        self._fetch = fetch
        self._size = size
        self._position = 0
        self._windows: OrderedDict[int, bytes] = OrderedDict({0: head} if head else {})  # most recently used last
        self._end = len(head)  # of the most recently fetched window
        self._step = _FIRST_BYTES // 2

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError(f"there is nothing before the start: {base + offset}")
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        view = memoryview(buffer).cast("B")
        done = 0
        while done < len(view) and self._position < self._size:
            start, window = self._window(len(view) - done)
            piece = memoryview(window)[self._position - start :][: len(view) - done]
            view[done : done + len(piece)] = piece
            done += len(piece)
            self._position += len(piece)
        return done

    def readall(self) -> bytes:
        return cast(bytes, self.read(max(0, self._size - self._position)))

    def _window(self, wanted: int) -> tuple[int, bytes]:
        """The window that contains the position, and its start."""
        for start, window in reversed(self._windows.items()):
            if start <= self._position < start + len(window):
                self._windows.move_to_end(start)
                return start, window
        start = self._position
        self._step = min(self._step * 2, _MOST_BYTES) if start == self._end else _FIRST_BYTES
        stop = min(start + max(min(wanted, _MOST_BYTES), self._step), self._size)
        window = self._fetch(start, stop)
        if len(window) != stop - start:
            raise StorageUnavailable(f"{len(window)} bytes came where {stop - start} were asked for")
        self._windows[start] = window
        self._end = stop
        if len(self._windows) > _WINDOWS:
            self._windows.popitem(last=False)
        return start, window


class _Watched(io.RawIOBase):
    """Remembers the error of a failed read, and then reports end of file: libraries stop there, while some would retry
    a failing read for ever."""

    def __init__(self, source: BinaryIO) -> None:
        super().__init__()
        self._source = source
        self.error: OSError | WebDetectorError | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._source.fileno()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        try:
            return self._source.seek(offset, whence)
        except (
            OSError,
            ValueError,
        ):  # before the start: damaged files make FFmpeg seek there, and -1 is the answer it expects
            return -1

    def tell(self) -> int:
        return self._source.tell()

    def read(self, size: int = -1) -> bytes:
        if self.error is not None:
            return b""
        try:
            return self._source.read(size)
        except (OSError, WebDetectorError) as error:
            self.error = error
            raise


@contextmanager
def watched(source: BinaryIO) -> Iterator[BinaryIO]:
    """Wraps a reader for a library that may take a failed read for the end of the file or for damage.

    After a failed read the context raises its error, whatever the library made of it: an OSError as StorageUnavailable,
    since the content is not at fault, and a WebDetectorError as it is.
    """
    reader = _Watched(source)
    try:
        yield cast(BinaryIO, reader)
    except Exception:
        if reader.error is None:
            raise
    if isinstance(reader.error, WebDetectorError):
        raise reader.error
    if reader.error is not None:
        raise StorageUnavailable(f"the storage cannot be read: {reader.error}") from reader.error
