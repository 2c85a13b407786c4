"""Storage in a local or shared folder."""

import errno
import io
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TypeVar, cast

from contracts.errors import StorageFull, StorageUnavailable
from contracts.storage.file_order import files_in_order
from contracts.storage.port import STRETCH, Stretch, absent, checked, is_key

log = logging.getLogger(__name__)

_PART = ".part-"
# Differs from the prefix of a writer's file, which `walk` removes.
_PARTIAL = ".grow-"
_TRIES = 100
T = TypeVar("T")


class LocalStorage:
    """Storage in a folder."""

    def __init__(self, root: str | Path) -> None:
        self._root = Path(root)

    def open(self, key: str) -> BinaryIO:
        path = self._path(key)
        with _port_errors(key):
            return path.open("rb")

    @contextmanager
    def create(self, key: str) -> Iterator[BinaryIO]:
        path = self._path(key)
        part: str | None = None
        try:
            handle, part = _create_in(path.parent, lambda: tempfile.mkstemp(prefix=_PART, dir=path.parent))
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
            if full := _full_error(error):
                raise full from error
            raise

    def delete(self, key: str) -> None:
        path = self._path(key)
        with _port_errors(key):
            path.unlink(missing_ok=True)
        _prune(self._root, path.parent)

    def size(self, key: str) -> int:
        path = self._path(key)
        with _port_errors(key):
            return path.stat().st_size

    def walk(self, seconds: float, after: str = "", *, partial_seconds: float | None = None) -> Iterator[Stretch]:
        found = files_in_order(str(self._root), after.split("/") if after else [])
        while places := list(islice(found, STRETCH)):
            idle, removed, now = [], 0, time.time()
            for place in places:
                name = place.rpartition("/")[2]
                key = place.removesuffix(name) + name.removeprefix(_PARTIAL)
                with suppress(FileNotFoundError):  # finished, deleted or discarded meanwhile
                    if is_key(key) and _changed(self._root, place) < now - seconds:
                        idle.append(key)
                    elif partial_seconds is not None and name.startswith(_PART):
                        removed += self._remove_partial(place, now - partial_seconds)
            yield Stretch(places[-1], idle, removed)

    def _remove_partial(self, place: str, limit: float) -> bool:
        if _changed(self._root, place) >= limit:
            return False
        path = self._root / place
        try:
            path.unlink()
        except FileNotFoundError:
            raise
        except OSError as error:  # of one file, which must not end the walk
            log.warning("cannot remove the unfinished %s: %s", place, error.strerror or error)
            return False
        _prune(self._root, path.parent)
        return True

    def resumable(self) -> "LocalResumable":
        return LocalResumable(self._root)

    def _path(self, key: str) -> Path:
        return self._root / checked(key)


class LocalResumable:
    """Resumable objects in the folder of a LocalStorage."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def size(self, key: str) -> int:
        path = self._path(key)
        with _port_errors(key):
            for candidate in (_partial(path), path):  # in this order, since `finish` may happen in between
                with suppress(FileNotFoundError):
                    return candidate.stat().st_size
        return 0

    @contextmanager
    def append(self, key: str) -> Iterator[BinaryIO]:
        path = _partial(self._path(key))
        try:
            handle = _create_in(path.parent, lambda: os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
            with open(handle, "wb", buffering=0) as file:
                # Not in append mode: a writer that has lost its lock then overwrites the same range, not the end.
                file.seek(0, os.SEEK_END)
                try:
                    yield cast(BinaryIO, _WritesAll(file))
                finally:
                    os.fsync(handle)
        except OSError as error:
            if full := _full_error(error):
                raise full from error
            raise

    def finish(self, key: str) -> None:
        path = self._path(key)
        if path.exists():
            return
        with _port_errors(key):
            os.replace(_partial(path), path)
            _sync_folder(path.parent)

    def discard(self, key: str) -> None:
        path = _partial(self._path(key))
        with _port_errors(key):
            path.unlink(missing_ok=True)
        _prune(self._root, path.parent)

    def _path(self, key: str) -> Path:
        return self._root / checked(key)


class _WritesAll(io.RawIOBase):
    """Writes all data or raises; an unbuffered file may write less."""

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
            if full := _full_error(error):
                raise full from error
            raise
        return done


def _changed(root: Path, place: str) -> float:
    """When a file last changed. A Path of each of millions would take longer than this."""
    return os.stat(f"{root}/{place}").st_mtime  # noqa: PTH116


def _partial(path: Path) -> Path:
    return path.with_name(_PARTIAL + path.name)


def _create_in(folder: Path, make: Callable[[], T]) -> T:
    """Call `make` in the folder; retries when a concurrent delete prunes the folder while it is empty."""
    for _ in range(_TRIES):
        with suppress(FileNotFoundError, FileExistsError):
            folder.mkdir(parents=True, exist_ok=True)
            return make()
    raise OSError(errno.EAGAIN, f"{folder} is removed again and again")


def _prune(root: Path, folder: Path) -> None:
    """Remove the folder and its parents below the root while they are empty."""
    while folder != root:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent


def _sync_folder(folder: Path) -> None:
    """Flush the directory entries of a folder to disk."""
    with suppress(FileNotFoundError):  # deleted and pruned meanwhile
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def _port_errors(key: str) -> Iterator[None]:
    """Translate OSError to the errors of the port."""
    try:
        yield
    except FileNotFoundError:
        raise absent(key) from None
    except OSError as error:  # such as those of a network file system
        raise StorageUnavailable(f"{key} cannot be opened or removed: {error.strerror or error}") from error


def _full_error(error: BaseException) -> StorageFull | None:
    """StorageFull for the error of a full disk, None for any other error."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull("the storage is full: free some room and try again")
    return None
