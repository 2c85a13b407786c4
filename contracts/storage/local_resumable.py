"""Objects that come in pieces, in a folder: one file that grows beside where the object will be."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from contracts.storage.folders import failures, full, made_in, prune, sync_folder
from contracts.storage.port import checked

# Not the prefix of a writer's file, which the storage's sweep takes.
GROWING = ".grow-"


class LocalResumable:
    """Pieces in the folder of a LocalStorage."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def size(self, key: str) -> int:
        path = self._path(key)
        with failures(key):
            for candidate in (_growing(path), path):  # in this order: `finish` may come between
                with suppress(FileNotFoundError):
                    return candidate.stat().st_size
        return 0

    @contextmanager
    def append(self, key: str) -> Iterator[BinaryIO]:
        path = _growing(self._path(key))
        try:
            handle = made_in(path.parent, lambda: os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
            with open(handle, "wb", buffering=0) as file:
                # Not in append mode: of two writers, one of which has lost its turn, both write the same place.
                file.seek(0, os.SEEK_END)
                try:
                    yield cast(BinaryIO, _Whole(file))
                finally:
                    os.fsync(handle)
        except OSError as error:
            if told := full(error):
                raise told from error
            raise

    def finish(self, key: str) -> None:
        path = self._path(key)
        if path.exists():
            return
        with failures(key):
            os.replace(_growing(path), path)
            sync_folder(path.parent)

    def discard(self, key: str) -> None:
        path = _growing(self._path(key))
        path.unlink(missing_ok=True)
        prune(self._root, path.parent)

    def _path(self, key: str) -> Path:
        return self._root / checked(key)


class _Whole(io.RawIOBase):
    """Writes all that it is given, or raises: a file without a buffer may take less."""

    def __init__(self, file: io.FileIO) -> None:
        super().__init__()
        self._file = file

    def writable(self) -> bool:
        return True

    def write(self, data: "bytes | bytearray | memoryview") -> int:  # type: ignore[override]
        view = memoryview(data).cast("B")
        done = 0
        try:
            while done < len(view):
                done += self._file.write(view[done:])
        except OSError as error:
            if told := full(error):
                raise told from error
            raise
        return done


def _growing(path: Path) -> Path:
    return path.with_name(GROWING + path.name)
