"""Where videos and result files lie: a port and its form on a local disk."""

import errno
import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from contracts.errors import NotFound, StorageFull

_TRIES = 100
_PART = ".part-"
_KEY = re.compile(r"[a-z0-9][a-z0-9_-]*(/[a-z0-9][a-z0-9_-]*)*")


class Storage(Protocol):
    """Objects by key. A key is made by the service, never from a client's file name."""

    def open(self, key: str) -> BinaryIO:
        """A seekable reader. Raises NotFound."""

    def create(self, key: str) -> AbstractContextManager[BinaryIO]:
        """A writer whose content appears under the key when the context ends well, whole or not
        at all. Replaces what was there. Raises StorageFull."""

    def delete(self, key: str) -> None:
        """Remove the object; nothing happens when there is none."""

    def size(self, key: str) -> int:
        """Bytes of the object. Raises NotFound."""

    def sweep(self, seconds: float) -> int:
        """Remove what writers that died left unfinished, once it has not changed for some
        seconds; how much there was."""


def video_key(video_id: str) -> str:
    """The key of an uploaded video."""
    return f"videos/{video_id}/content"


def index_key(video_id: str) -> str:
    """The key of a video's packet index."""
    return f"videos/{video_id}/index"


def plan_key(video_id: str, job_id: str) -> str:
    """The key of a job's plan, kept while the job runs."""
    return f"videos/{video_id}/jobs/{job_id}/plan"


def result_key(video_id: str, job_id: str) -> str:
    """The key of a job's result file."""
    return f"videos/{video_id}/jobs/{job_id}/result"


class LocalStorage:
    """Storage in a folder of the local disk (or of a shared one)."""

    def __init__(self, root: str | Path) -> None:
        self._root = Path(root)

    def open(self, key: str) -> BinaryIO:
        try:
            return self._path(key).open("rb")
        except FileNotFoundError:
            raise NotFound(f"nothing is stored as {key}") from None

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
        try:
            return self._path(key).stat().st_size
        except FileNotFoundError:
            raise NotFound(f"nothing is stored as {key}") from None

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
        if not _KEY.fullmatch(key):
            raise ValueError(f"not a storage key: {key!r}")
        return self._root / key

    def _prune(self, folder: Path) -> None:
        """Remove the folder and those above it as far as they are empty."""
        while folder != self._root:
            try:
                folder.rmdir()
            except OSError:
                return
            folder = folder.parent


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
