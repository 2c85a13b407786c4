"""What the storage in a folder and its pieces share: folders that come and go with what is in them, and errors."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from contracts.errors import StorageFull, StorageUnavailable
from contracts.storage.port import absent

_TRIES = 100
T = TypeVar("T")


def made_in(folder: Path, make: Callable[[], T]) -> T:
    """What `make` makes in the folder, which may be pruned by a neighbour's delete until something is in it."""
    for _ in range(_TRIES):
        with suppress(FileNotFoundError, FileExistsError):
            folder.mkdir(parents=True, exist_ok=True)
            return make()
    raise OSError(errno.EAGAIN, f"{folder} is removed again and again")


def prune(root: Path, folder: Path) -> None:
    """Remove the folder and those above it, below the root, as far as they are empty."""
    while folder != root:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent


def sync_folder(folder: Path) -> None:
    """Have the disk keep the names in a folder."""
    with suppress(FileNotFoundError):  # deleted and pruned already
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def failures(key: str) -> Iterator[None]:
    """Errors of the system as those of the port."""
    try:
        yield
    except FileNotFoundError:
        raise absent(key) from None
    except OSError as error:  # such as those of a network file system
        raise StorageUnavailable(f"{key} cannot be opened: {error.strerror or error}") from error


def full(error: BaseException) -> StorageFull | None:
    """The port's error of a full disk, None for any other error."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull("the storage is full: free some room and try again")
    return None
