"""Port of the storage of videos and result files, and the keys of its objects.

`contracts.storage.open` opens the configured implementation.
"""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import BinaryIO, Protocol

from contracts.errors import NotFound

_KEY = re.compile(r"[a-z0-9][a-z0-9_-]*(/[a-z0-9][a-z0-9_-]*)*")


class ResumableObjects(Protocol):
    """Unfinished objects. One writer per object at a time: see contracts.coordination.names.upload_lock.

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


class Storage(Protocol):
    """Objects by key. A key is made by the service, never from a client's file name.

    Each method raises ValueError for what is no key, and StorageUnavailable when the storage does not
    do what it should for a reason that may pass.
    """

    def open(self, key: str) -> BinaryIO:
        """A seekable reader of the object as it is now: one that is replaced meanwhile is read on as
        it was, or reading raises StorageUnavailable. Raises NotFound."""

    def create(self, key: str) -> AbstractContextManager[BinaryIO]:
        """An atomic writer: the whole content appears under the key when the context ends without an error. Replaces an
        existing object. Raises StorageFull."""

    def delete(self, key: str) -> None:
        """Remove the object; nothing happens when there is none."""

    def size(self, key: str) -> int:
        """Bytes of the object. Raises NotFound."""

    def sweep(self, seconds: float) -> int:
        """Remove partial objects of killed writers that have not changed for the seconds; returns their number."""

    def idle(self, seconds: float) -> Iterator[str]:
        """The keys under which something is kept, whole or in pieces, that has not changed for some seconds; a key
        may come more than once. What comes or goes meanwhile may be among them or not."""

    def resumable(self) -> ResumableObjects:
        """The resumable objects of this storage."""


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


def rendition_key(video_id: str, job_id: str | None, kind: str) -> str:
    """The key of what was rendered from a video, or from it and a job's results."""
    return f"videos/{video_id}/jobs/{job_id}/{kind}" if job_id else f"videos/{video_id}/{kind}"


def is_key(text: str) -> bool:
    """Whether the text is a valid key."""
    return _KEY.fullmatch(text) is not None


def checked(key: str) -> str:
    """The key itself. Raises ValueError for an invalid one, such as a path that leaves the storage."""
    if not is_key(key):
        raise ValueError(f"not a storage key: {key!r}")
    return key


def absent(key: str) -> NotFound:
    """The NotFound error of a key."""
    return NotFound(f"nothing is stored as {key}")
