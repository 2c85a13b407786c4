"""Storage in a local or shared folder."""

import errno
import io
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TypeVar, cast

from contracts.errors import StorageFull, StorageUnavailable
from contracts.storage.port import absent, checked, is_key

_PART = ".part-"
# Not the prefix of a writer's file, which the storage's sweep takes.
_GROWING = ".grow-"
_TRIES = 100
T = TypeVar("T")


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
            handle, part = _made_in(path.parent, lambda: tempfile.mkstemp(prefix=_PART, dir=path.parent))
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
            _prune(self._root, path.parent)
            if told := _full(error):
                raise told from error
            raise

    def delete(self, key: str) -> None:
        path = self._path(key)
        path.unlink(missing_ok=True)
        _prune(self._root, path.parent)

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
                        _prune(self._root, path.parent)
        return count

    def idle(self, seconds: float) -> Iterator[str]:
        limit = time.time() - seconds
        for folder, _, names in os.walk(self._root):
            for path in (Path(folder, name) for name in names):
                key = str(path.with_name(path.name.removeprefix(_GROWING)).relative_to(self._root))
                with suppress(FileNotFoundError):  # gone while we looked
                    if is_key(key) and path.stat().st_mtime < limit:
                        yield key

    def resumable(self) -> "LocalResumable":
        return LocalResumable(self._root)

    def _path(self, key: str) -> Path:
        return self._root / checked(key)


class LocalResumable:
    """Pieces in the folder of a LocalStorage."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def size(self, key: str) -> int:
        path = self._path(key)
        with _failures(key):
            for candidate in (_growing(path), path):  # in this order: `finish` may come between
                with suppress(FileNotFoundError):
                    return candidate.stat().st_size
        return 0

    @contextmanager
    def append(self, key: str) -> Iterator[BinaryIO]:
        path = _growing(self._path(key))
        try:
            handle = _made_in(path.parent, lambda: os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
            with open(handle, "wb", buffering=0) as file:
                # Not in append mode: of two writers, one of which has lost its turn, both write the same place.
                file.seek(0, os.SEEK_END)
                try:
                    yield cast(BinaryIO, _Whole(file))
                finally:
                    os.fsync(handle)
        except OSError as error:
            if told := _full(error):
                raise told from error
            raise

    def finish(self, key: str) -> None:
        path = self._path(key)
        if path.exists():
            return
        with _failures(key):
            os.replace(_growing(path), path)
            _sync_folder(path.parent)

    def discard(self, key: str) -> None:
        path = _growing(self._path(key))
        path.unlink(missing_ok=True)
        _prune(self._root, path.parent)

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
            if told := _full(error):
                raise told from error
            raise
        return done


def _growing(path: Path) -> Path:
    return path.with_name(_GROWING + path.name)


def _made_in(folder: Path, make: Callable[[], T]) -> T:
    """What `make` makes in the folder, which may be pruned by a neighbour's delete until something is in it."""
    for _ in range(_TRIES):
        with suppress(FileNotFoundError, FileExistsError):
            folder.mkdir(parents=True, exist_ok=True)
            return make()
    raise OSError(errno.EAGAIN, f"{folder} is removed again and again")


def _prune(root: Path, folder: Path) -> None:
    """Remove the folder and those above it, below the root, as far as they are empty."""
    while folder != root:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent


def _sync_folder(folder: Path) -> None:
    """Have the disk keep the names in a folder."""
    with suppress(FileNotFoundError):  # deleted and pruned already
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def _failures(key: str) -> Iterator[None]:
    """Errors of the system as those of the port."""
    try:
        yield
    except FileNotFoundError:
        raise absent(key) from None
    except OSError as error:  # such as those of a network file system
        raise StorageUnavailable(f"{key} cannot be opened: {error.strerror or error}") from error


def _full(error: BaseException) -> StorageFull | None:
    """The port's error of a full disk, None for any other error."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull("the storage is full: free some room and try again")
    return None
