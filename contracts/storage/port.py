"""Port of the storage of videos and result files, and the keys of its objects.

`contracts.storage.open` opens the configured implementation.
"""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import BinaryIO, NamedTuple, Protocol

from contracts.errors import NotFound

_KEY = re.compile(r"[a-z0-9][a-z0-9_-]*(/[a-z0-9][a-z0-9_-]*)*")


# Most objects of a stretch.
STRETCH = 1000


class Stretch(NamedTuple):
    """A part of a walk. place: its end. idle: keys of objects, finished or resumable; one may be in two stretches.
    removed: how many partial objects were."""

    place: str
    idle: list[str]
    removed: int


class ResumableObjects(Protocol):
    """Unfinished objects. One writer per object at a time: see contracts.coordination.names.upload_lock.

    Each method raises ValueError for an invalid key, and StorageUnavailable as a storage does. `Storage.walk` keeps
    them: the caller ends each object by `finish` or `discard`.
    """

    def size(self, key: str) -> int:
        """Number of bytes received, which is the offset of the next one; 0 without an object. For a finished object,
        its size."""

    def append(self, key: str) -> AbstractContextManager[BinaryIO]:
        """A writer that continues at `size`. Written data is kept however the context ends; if the process is killed,
        the last writes may be lost. Raises StorageFull."""

    def finish(self, key: str) -> None:
        """Publish the object with all received bytes. Does nothing when it is already finished."""

    def discard(self, key: str) -> None:
        """Remove an unfinished object. Does nothing when there is none."""


class Storage(Protocol):
    """Objects by key. Keys are made by the service, never from a client's file name.

    Each method raises ValueError for an invalid key, and StorageUnavailable for failures that may be temporary.
    """

    def open(self, key: str) -> BinaryIO:
        """A seekable reader of the object's current content. If the object is replaced meanwhile, the reader continues
        with the old content or raises StorageUnavailable. Raises NotFound."""

    def create(self, key: str) -> AbstractContextManager[BinaryIO]:
        """An atomic writer: the content is published when the context ends without an error. Replaces an existing
        object. Raises StorageFull."""

    def delete(self, key: str) -> None:
        """Remove the object. Does nothing when there is none."""

    def size(self, key: str) -> int:
        """Size of the object in bytes. Raises NotFound."""

    def walk(self, seconds: float, after: str = "", *, partial_seconds: float | None = None) -> Iterator[Stretch]:
        """All that is stored, in stretches, with the objects that did not change for these seconds; the walk can be
        gone on with after any stretch, by any process, and takes the same memory whatever is stored. Objects that are
        created or deleted meanwhile may be missing or included.

        after: the place where a walk has ended. partial_seconds: removes partial objects of killed writers on its way
        that did not change for so long, None for none."""

    def resumable(self) -> ResumableObjects:
        """The resumable objects of this storage."""


def video_key(video_id: str) -> str:
    """Key of an uploaded video."""
    return f"videos/{video_id}/content"


def index_key(video_id: str) -> str:
    """Key of a video's packet index."""
    return f"videos/{video_id}/index"


def plan_key(video_id: str, job_id: str) -> str:
    """Key of a job's plan, stored while the job runs."""
    return f"videos/{video_id}/jobs/{job_id}/plan"


def result_key(video_id: str, job_id: str) -> str:
    """Key of a job's result file."""
    return f"videos/{video_id}/jobs/{job_id}/result"


def tracks_key(video_id: str, job_id: str) -> str:
    """Key of a job's tracks, made of its result file."""
    return f"videos/{video_id}/jobs/{job_id}/tracks"


def tracking_key(video_id: str, job_id: str) -> str:
    """Key of how far the tracking of a job is, stored while it is interrupted."""
    return f"videos/{video_id}/jobs/{job_id}/tracking"


def frames_key(video_id: str) -> str:
    """Key of the frames of a video that were asked for last, as pictures."""
    return f"videos/{video_id}/frames"


def rendition_key(video_id: str, job_id: str | None, kind: str) -> str:
    """Key of a rendition of a video or a job."""
    return f"videos/{video_id}/jobs/{job_id}/{kind}" if job_id else f"videos/{video_id}/{kind}"


def clip_key(video_id: str, clip_id: str) -> str:
    """Key of a clip."""
    return f"videos/{video_id}/clips/{clip_id}"


def reel_key(reel_id: str) -> str:
    """Key of a reel."""
    return f"reels/{reel_id}"


def alert_picture_key(alert_id: str) -> str:
    """Key of the picture of a stream that was taken when an alert was raised."""
    return f"alerts/{alert_id}/picture"


def is_key(text: str) -> bool:
    """Whether a text is a valid key."""
    return _KEY.fullmatch(text) is not None


def checked(key: str) -> str:
    """Returns the key. Raises ValueError for an invalid one, such as a path that leaves the storage."""
    if not is_key(key):
        raise ValueError(f"not a storage key: {key!r}")
    return key


def absent(key: str) -> NotFound:
    """NotFound for a key."""
    return NotFound(f"nothing is stored as {key}")
