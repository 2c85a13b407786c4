"""Storage in a folder of the local disk, or of a shared one."""

import errno
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from contracts.errors import StorageFull, StorageUnavailable
from contracts.storage import absent, checked

_TRIES = 100
_PART = ".part-"


class LocalStorage:
    """Storage in a folder."""

    def __init__(self, root: str | Path) -> None:
        self._root = Path(root)

    def open(self, key: str) -> BinaryIO:
        path = self._path(key)
        with _failures(key):
            return path.open("rb")

    @contextmanager
    def create(self, key: str) -> Iterator[BinaryIO]:
        path = self._path(key)
        part: str | None = None
        try:
            handle, part = _part_in(path.parent)
            with os.fdopen(handle, "wb") as sink:
                yield cast(BinaryIO, sink)
                sink.flush()
                os.fsync(sink.fileno())
            os.replace(part, path)
            _sync_folder(path.parent)
        except BaseException as error:
            if part is not None:
                with suppress(FileNotFoundError):
                    os.unlink(part)
            self._prune(path.parent)
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StorageFull("the storage is full: free some room and try again") from error
            raise

    def delete(self, key: str) -> None:
        path = self._path(key)
        path.unlink(missing_ok=True)
        self._prune(path.parent)

    def size(self, key: str) -> int:
        path = self._path(key)
        with _failures(key):
            return path.stat().st_size

    def sweep(self, seconds: float) -> int:
        limit, count = time.time() - seconds, 0
        for folder, _, names in os.walk(self._root):
            for path in (Path(folder, name) for name in names if name.startswith(_PART)):
                with suppress(FileNotFoundError):  # finished or given up while we looked
                    if path.stat().st_mtime < limit:
                        path.unlink()
                        count += 1
                        self._prune(path.parent)
        return count

    def _path(self, key: str) -> Path:
        return self._root / checked(key)

    def _prune(self, folder: Path) -> None:
        """Remove the folder and those above it as far as they are empty."""
        while folder != self._root:
            try:
                folder.rmdir()
            except OSError:
                return
            folder = folder.parent


@contextmanager
def _failures(key: str) -> Iterator[None]:
    """Errors of the system as those of the port."""
    try:
        yield
    except FileNotFoundError:
        raise absent(key) from None
    except OSError as error:  # such as those of a network file system
        raise StorageUnavailable(f"{key} cannot be opened: {error.strerror or error}") from error


def _part_in(folder: Path) -> tuple[int, str]:
    """A new temporary file. The folder may be pruned by a neighbour's delete until the file is in it."""
    for _ in range(_TRIES):
        with suppress(FileNotFoundError, FileExistsError):
            folder.mkdir(parents=True, exist_ok=True)
            return tempfile.mkstemp(prefix=_PART, dir=folder)
    raise OSError(errno.EAGAIN, f"{folder} is removed again and again")


def _sync_folder(folder: Path) -> None:
    with suppress(FileNotFoundError):  # deleted and pruned already
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
