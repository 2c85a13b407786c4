"""Port of resumable objects, which are written over several requests. `Storage.resumable` gives a storage's own."""

from contextlib import AbstractContextManager
from typing import BinaryIO, Protocol


class ResumableObjects(Protocol):
    """Unfinished objects. One writer per object at a time: see contracts.coordination.leases.

    Each method raises ValueError for what is no key, and StorageUnavailable as a storage does. `Storage.sweep`
    does not touch them: whoever begins an object ends it, by `finish` or `discard`.
    """

    def size(self, key: str) -> int:
        """Bytes that are kept, so that the next one to come is the one at that offset; 0 when there are none.
        Of an object that is finished, its size."""

    def append(self, key: str) -> AbstractContextManager[BinaryIO]:
        """A writer that goes on at `size`. What it has taken is kept, however the context ends; of a process that
        is killed, what was written last may be lost. Raises StorageFull."""

    def finish(self, key: str) -> None:
        """Make the object appear, of all that is kept. Nothing happens when it is there already."""

    def discard(self, key: str) -> None:
        """Remove what is kept of an object that is not finished; nothing happens when there is none."""
