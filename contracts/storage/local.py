"""Storage in a folder of the local disk, or of a shared one."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from contracts.storage.folders import failures, full, made_in, prune, sync_folder
from contracts.storage.local_resumable import GROWING, LocalResumable
from contracts.storage.port import checked, is_key

_PART = ".part-"


class LocalStorage:
    """Storage in a folder."""

    def __init__(self, root: str | Path) -> None:
        self._root = Path(root)

    def open(self, key: str) -> BinaryIO:
        path = self._path(key)
        with failures(key):
            return path.open("rb")

    @contextmanager
    def create(self, key: str) -> Iterator[BinaryIO]:
        path = self._path(key)
        part: str | None = None
        try:
            handle, part = made_in(path.parent, lambda: tempfile.mkstemp(prefix=_PART, dir=path.parent))
            with os.fdopen(handle, "wb") as sink:
                yield cast(BinaryIO, sink)
                sink.flush()
                os.fsync(sink.fileno())
            os.replace(part, path)
            sync_folder(path.parent)
        except BaseException as error:
            if part is not None:
                with suppress(FileNotFoundError):
                    os.unlink(part)
            prune(self._root, path.parent)
            if told := full(error):
                raise told from error
            raise

    def delete(self, key: str) -> None:
        path = self._path(key)
        path.unlink(missing_ok=True)
        prune(self._root, path.parent)

    def size(self, key: str) -> int:
        path = self._path(key)
        with failures(key):
            return path.stat().st_size

    def sweep(self, seconds: float) -> int:
        limit, count = time.time() - seconds, 0
        for folder, _, names in os.walk(self._root):
            for path in (Path(folder, name) for name in names if name.startswith(_PART)):
                with suppress(FileNotFoundError):  # finished or given up while we looked
                    if path.stat().st_mtime < limit:
                        path.unlink()
                        count += 1
                        prune(self._root, path.parent)
        return count

    def idle(self, seconds: float) -> Iterator[str]:
        limit = time.time() - seconds
        for folder, _, names in os.walk(self._root):
            for path in (Path(folder, name) for name in names):
                key = str(path.with_name(path.name.removeprefix(GROWING)).relative_to(self._root))
                with suppress(FileNotFoundError):  # gone while we looked
                    if is_key(key) and path.stat().st_mtime < limit:
                        yield key

    def resumable(self) -> LocalResumable:
        return LocalResumable(self._root)

    def _path(self, key: str) -> Path:
        return self._root / checked(key)
