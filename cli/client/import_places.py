"""Where `web-detector import` finds videos: a folder, or a prefix of a bucket."""

import mimetypes
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol

from web_detector import ServiceError

if TYPE_CHECKING:
    from contracts.storage.s3_bucket import S3Bucket, StoredObject

_BUCKET = re.compile(r"s3://([^/]+)(?:/(.*))?", re.DOTALL)
# Videos whose endings mimetypes does not know everywhere.
_ENDINGS = (
    *(".264", ".265", ".avi", ".flv", ".gif", ".h264", ".h265", ".hevc", ".m2ts"),
    *(".m4v", ".mkv", ".mov", ".mp4", ".mpg", ".mts", ".ts", ".webm"),
)
Stamp = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A video. title: what it is called in messages, unique. name: its file name, without the folders. folder: the name
    of the subfolder that it is in, empty for none. All are text that can be written, whatever bytes the names have.
    stamp: by which it is seen whether it changes. file: its content as a file while the context lasts; raises OSError,
    and WebDetectorError for what cannot be read."""

    title: str
    name: str
    folder: str
    stamp: Stamp
    changed: datetime
    file: Callable[[], AbstractContextManager[Path]]


class Place(Protocol):
    """Where videos are."""

    def entries(self) -> Iterator[Entry]:
        """The videos, without hidden ones. Raises ServiceError, OSError, WebDetectorError."""


def place(text: str, environ: Mapping[str, str]) -> Place:
    """The folder, or the bucket's prefix of an s3:// URL."""
    if not text.startswith("s3://"):
        return Folder(Path(text))
    found = _BUCKET.fullmatch(text)
    if found is None:
        raise ServiceError(f"{text} names no bucket: write s3://bucket or s3://bucket/prefix")
    # Imported here, since its library is large and not needed for a folder.
    from contracts.storage.s3_bucket import S3Bucket
    from contracts.storage.s3_client import S3Access

    access = S3Access(
        environ.get("S3_ENDPOINT_URL", ""),
        environ.get("S3_REGION", "") or "us-east-1",
        environ.get("S3_ACCESS_KEY_ID", ""),
        environ.get("S3_SECRET_ACCESS_KEY", ""),
    )
    return Bucket(S3Bucket(found[1], access), found[1], (found[2] or "").strip("/"))


class Folder:
    """A folder with those below it."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def __str__(self) -> str:
        return _text(str(self._root))

    def entries(self) -> Iterator[Entry]:
        if not self._root.is_dir():
            raise ServiceError(f"there is no folder {self._root}")
        for place, names, files in os.walk(self._root):
            names[:] = sorted(name for name in names if not name.startswith("."))
            for name in sorted(files):
                if not name.startswith(".") and _is_video(name) and (found := self._entry(Path(place, name))):
                    yield found

    def _entry(self, path: Path) -> Entry | None:
        """None where it is gone."""
        stamp: Stamp = ()
        changed = datetime.now(UTC)
        try:
            found = path.stat()
            stamp, changed = (found.st_size, found.st_mtime_ns), datetime.fromtimestamp(found.st_mtime, UTC)
        except FileNotFoundError:
            return None
        except OSError:  # whoever opens the file is told
            pass
        folder = path.parent.name if path.parent != self._root else ""
        name, folder = _text(path.name, "replace"), _text(folder, "replace")
        return Entry(_text(str(path)), name, folder, stamp, changed, lambda: nullcontext(path))


class Bucket:
    """The objects of a bucket below a prefix, which is taken for a folder."""

    def __init__(self, bucket: "S3Bucket", name: str, prefix: str) -> None:
        self._bucket, self._name, self._prefix = bucket, name, f"{prefix}/" if prefix else ""

    def __str__(self) -> str:
        return f"s3://{self._name}/{self._prefix}"

    def entries(self) -> Iterator[Entry]:
        for item in self._bucket.objects(self._prefix):
            *folders, name = item.key.removeprefix(self._prefix).split("/")
            if _is_video(name) and not any(part.startswith(".") for part in (*folders, name)):
                yield self._entry(item, folders[-1] if folders else "", name)

    def _entry(self, item: "StoredObject", folder: str, name: str) -> Entry:
        @contextmanager
        def file() -> Iterator[Path]:
            with tempfile.TemporaryDirectory(prefix="web-detector-import-") as own:
                path = Path(own, "video" + PurePosixPath(name).suffix)
                with path.open("wb") as sink:
                    self._bucket.copy(item, sink)
                yield path

        stamp = (item.size, item.etag)
        return Entry(f"s3://{self._name}/{item.key}", name, folder, stamp, item.changed, file)


def _text(name: str, errors: str = "backslashreplace") -> str:
    """A file name that can be written: bytes that are not UTF-8 are given as \\xff, or replaced."""
    return os.fsencode(name).decode(errors=errors)


def _is_video(name: str) -> bool:
    kind = mimetypes.guess_type(name)[0] or ""
    return kind.startswith("video/") or PurePosixPath(name).suffix.lower() in _ENDINGS
