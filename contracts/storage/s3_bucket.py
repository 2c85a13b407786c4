"""A bucket that is not the service's own storage: what is in it, and copies of that."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from contracts.storage.s3_client import S3Access, connect, failures, read_range

_PIECE_BYTES = 8 * 1024 * 1024
# Classes of objects that must be restored before they can be read.
_ARCHIVED = frozenset({"GLACIER", "DEEP_ARCHIVE"})


@dataclass(frozen=True, slots=True)
class StoredObject:
    """changed: when it was written. archived: whether it cannot be read as it is."""

    key: str
    size: int
    changed: datetime
    etag: str
    archived: bool


class S3Bucket:
    """A bucket for reading. All methods raise StorageUnavailable."""

    def __init__(self, name: str, access: S3Access) -> None:
        self._client, self._name = connect(access), name

    def objects(self, prefix: str) -> Iterator[StoredObject]:
        """The objects whose keys begin with a prefix, in the order of their keys."""
        pages = iter(self._client.get_paginator("list_objects_v2").paginate(Bucket=self._name, Prefix=prefix))
        while True:
            with failures(f"s3://{self._name}/{prefix}"):
                page = next(pages, None)
            if page is None:
                return
            for found in page.get("Contents", ()):
                archived = found.get("StorageClass") in _ARCHIVED
                yield StoredObject(found["Key"], found["Size"], found["LastModified"], found["ETag"], archived)

    def copy(self, item: StoredObject, sink: BinaryIO) -> None:
        """Write the bytes of an object. Raises NotFound, and StorageUnavailable where it was replaced meanwhile."""
        for start in range(0, item.size, _PIECE_BYTES):
            stop = min(start + _PIECE_BYTES, item.size)
            with failures(f"s3://{self._name}/{item.key}"):
                sink.write(read_range(self._client, self._name, item.key, start, stop, item.etag))
