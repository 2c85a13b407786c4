"""Hands an open object to a child process that has neither the storage's address nor its secrets.

A file is passed as its descriptor. Any other object is read by the parent, on requests that the child sends over a
socket: offset and number of bytes, answered with so many bytes. A parent that cannot read any more closes the socket.
"""

import io
import os
import socket
import stat
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO, cast

from contracts.errors import WebDetectorError
from contracts.storage.range_reader import RangeReader

_SIZE = struct.Struct("<Q")
_REQUEST = struct.Struct("<QQ")
_MOST_BYTES = 4 * 1024 * 1024  # per request
STORAGE_FAILED = 3  # exit status of a child whose source could not be read to the end


@contextmanager
def handed(source: BinaryIO) -> Iterator[int]:
    """The parent's side: a descriptor for `pass_fds`. A thread of this module may read source meanwhile."""
    try:
        descriptor = source.fileno()
    except io.UnsupportedOperation:
        with _served(source) as descriptor:
            yield descriptor
    else:
        yield descriptor


@contextmanager
def taken(descriptor: int) -> Iterator[BinaryIO]:
    """The child's side: a seekable reader of that descriptor."""
    if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
        with os.fdopen(descriptor, "rb") as source:
            yield source
        return
    with socket.socket(fileno=descriptor) as line:

        def fetch(start: int, stop: int) -> bytes:
            line.sendall(_REQUEST.pack(start, stop - start))
            return _receive(line, stop - start)

        (size,) = _SIZE.unpack(_receive(line, _SIZE.size))
        yield cast(BinaryIO, RangeReader(fetch, size))


@contextmanager
def _served(source: BinaryIO) -> Iterator[int]:
    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=_serve, args=(source, ours), name="handover")
    with theirs:
        thread.start()
        try:
            yield theirs.fileno()
        finally:
            # The child has ended and nobody else holds this end: the thread reads end of file.
            theirs.close()
            thread.join()


def _serve(source: BinaryIO, line: socket.socket) -> None:
    """Answer requests until the child ends, sends an invalid one, or source cannot be read."""
    with line, suppress(OSError, WebDetectorError):
        size = source.seek(0, os.SEEK_END)
        line.sendall(_SIZE.pack(size))
        while len(request := line.recv(_REQUEST.size, socket.MSG_WAITALL)) == _REQUEST.size:
            start, length = _REQUEST.unpack(request)
            if length > _MOST_BYTES or start + length > size:
                return
            source.seek(start)
            line.sendall(source.read(length))


def _receive(line: socket.socket, length: int) -> bytes:
    """Raises ConnectionError when the parent has given up."""
    data = bytearray(length)
    view, done = memoryview(data), 0
    while done < length:
        count = line.recv_into(view[done:])
        if not count:
            raise ConnectionResetError("the storage could not be read on")
        done += count
    return bytes(data)
