"""A file and a port that nobody must touch."""

import ctypes
import os
import select
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NONBLOCK = os.O_NONBLOCK
_ACCESS, _OPEN = 0x1, 0x20
_EVENT = struct.Struct("iIII")


class Canary:
    """path: a film that plays. address: of a server that notices who calls."""

    def __init__(self, path: Path, line: socket.socket) -> None:
        self.path = path
        self._line = line
        self.address = f"127.0.0.1:{line.getsockname()[1]}"
        libc = ctypes.CDLL(None, use_errno=True)
        self._watch = libc.inotify_init1(_NONBLOCK)
        if self._watch < 0 or libc.inotify_add_watch(self._watch, os.fsencode(path), _ACCESS | _OPEN) < 0:
            raise OSError(ctypes.get_errno(), "the file cannot be watched")

    def touched(self) -> list[str]:
        """Who was touched since the last call: "file", "port"."""
        found = []
        if select.select([self._watch], [], [], 0)[0] and os.read(self._watch, 64 * _EVENT.size):
            found.append("file")
        while select.select([self._line], [], [], 0)[0]:
            self._line.accept()[0].close()
            found.append("port")
        return found

    def close(self) -> None:
        """Watch no more."""
        os.close(self._watch)


@contextmanager
def canary(path: Path, content: bytes) -> Iterator[Canary]:
    """Something to touch, made of a film."""
    path.write_bytes(content)
    with socket.create_server(("127.0.0.1", 0), backlog=128) as line:
        watched = Canary(path, line)
        try:
            yield watched
        finally:
            watched.close()
