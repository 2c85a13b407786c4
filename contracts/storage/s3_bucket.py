"""A bucket that is not the service's own storage: what is in it, and copies of that."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from botocore.exceptions import ClientError

from contracts.errors import ObjectUnreadable
from contracts.storage.s3_client import S3Access, connect, failures, read_range, status

_PIECE_BYTES = 8 * 1024 * 1024
_FORBIDDEN, _CHANGED = 403, 412
# Said of an object of an archive's class, unless it was restored, which its class does not tell.
_ARCHIVED = "InvalidObjectState"
# What is refused is whoever asks, whatever the object.
_OF_THE_KEYS = frozenset({"InvalidAccessKeyId", "SignatureDoesNotMatch", "RequestTimeTooSkewed", "InvalidToken"})


@dataclass(frozen=True, slots=True)
class StoredObject:
    """changed: when it was written."""

    key: str
    size: int
    changed: datetime
    etag: str


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
                yield StoredObject(found["Key"], found["Size"], found["LastModified"], found["ETag"])

    def copy(self, item: StoredObject, sink: BinaryIO) -> None:
        """Write the bytes of an object. Raises NotFound, and ObjectUnreadable where it is archived, forbidden, or was
        replaced meanwhile."""
        for start in range(0, item.size, _PIECE_BYTES):
            stop = min(start + _PIECE_BYTES, item.size)
            with failures(f"s3://{self._name}/{item.key}"), _refusals():
                sink.write(read_range(self._client, self._name, item.key, start, stop, item.etag))


@contextmanager
def _refusals() -> Iterator[None]:
    """Tell what is refused of one object alone."""
    try:
        yield
    except ClientError as error:
        told = error.response.get("Error", {})
        code = told.get("Code", "")
        if code == _ARCHIVED:
            raise ObjectUnreadable("it is archived: restore it first") from error
        if status(error) == _CHANGED:
            raise ObjectUnreadable("it was replaced while it was read: import it again") from error
        if status(error) == _FORBIDDEN and code not in _OF_THE_KEYS:
            raise ObjectUnreadable(f"the object store refuses to read it: {code}: {told.get('Message')}") from error
        raise
