"""Storage in a bucket of an S3-compatible object store."""

import io
import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import BinaryIO, cast

from botocore.exceptions import ClientError

from contracts.errors import NotFound, StorageUnavailable, WebDetectorError
from contracts.storage.port import STRETCH, Stretch, checked, is_key
from contracts.storage.range_reader import RangeReader
from contracts.storage.s3_client import S3Access, connect, failures, read_range, status
from contracts.storage.s3_resumable import PartWriter, S3Resumable, complete, is_resumable, key_of

_MIB = 1024 * 1024
_HEAD_BYTES = 256 * 1024
_PART_BYTES = 8 * _MIB
_MOST_PARTS = 10_000
_HTTP_EMPTY = 416
# Begins the places of a walk after all objects: in no key.
_UPLOADS = "~"
log = logging.getLogger(__name__)


class S3Storage:
    """Storage in a bucket, under a prefix. Create it after a fork; threads may share it."""

    def __init__(self, bucket: str, prefix: str, access: S3Access, *, largest_bytes: int = 0) -> None:
        """largest_bytes: maximum size of an object to be written; a multipart upload has at most 10,000 parts."""
        self._client = connect(access)
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        # Some stores require parts of equal size, so the size is fixed from the start.
        least = -(-largest_bytes // _MOST_PARTS)
        self._part_bytes = max(_PART_BYTES, -(-least // _MIB) * _MIB)

    def open(self, key: str) -> BinaryIO:
        name = self._name(key)
        with failures(key):
            head, size, etag = self._head(name)

        def fetch(start: int, stop: int) -> bytes:
            with failures(key):
                return read_range(self._client, self._bucket, name, start, stop, etag)

        return cast(BinaryIO, RangeReader(fetch, size, head))

    @contextmanager
    def create(self, key: str) -> Iterator[BinaryIO]:
        writer = _Writer(self._client, self._bucket, self._name(key), self._part_bytes)
        try:
            yield cast(BinaryIO, writer)
            writer.complete()
        except BaseException:
            writer.abort()
            raise

    def delete(self, key: str) -> None:
        name = self._name(key)
        with suppress(NotFound), failures(key):
            self._client.delete_object(Bucket=self._bucket, Key=name)

    def size(self, key: str) -> int:
        name = self._name(key)
        with failures(key):
            return self._client.head_object(Bucket=self._bucket, Key=name)["ContentLength"]

    def walk(self, seconds: float, after: str = "", *, partial_seconds: float | None = None) -> Iterator[Stretch]:
        if not after.startswith(_UPLOADS):
            yield from self._objects(datetime.now(UTC) - timedelta(seconds=seconds), after)
        if partial_seconds is not None:
            yield from self._uploads(datetime.now(UTC) - timedelta(seconds=partial_seconds), after)

    def _objects(self, limit: datetime, after: str) -> Iterator[Stretch]:
        begin = self._prefix + after if after else ""
        lists = self._client.get_paginator("list_objects_v2")
        pages = iter(
            lists.paginate(
                Bucket=self._bucket,
                Prefix=self._prefix,
                StartAfter=begin,
                PaginationConfig={"PageSize": STRETCH},
            )
        )
        while True:
            with failures("what is stored"):
                page = next(pages, None)
            if page is None:
                return
            if found := page.get("Contents", ()):
                keys = {
                    key_of(one["Key"].removeprefix(self._prefix)): None for one in found if one["LastModified"] < limit
                }
                place = found[-1]["Key"].removeprefix(self._prefix)
                yield Stretch(place, [key for key in keys if is_key(key)], 0)

    def _uploads(self, limit: datetime, after: str) -> Iterator[Stretch]:
        """Aborts multipart uploads without progress since the limit. After all objects, in the order of their keys."""
        name, upload = self._prefix + after.removeprefix(_UPLOADS) if after.startswith(_UPLOADS) else "", ""
        try:
            while True:
                with failures("what is unfinished"):
                    page = self._client.list_multipart_uploads(
                        Bucket=self._bucket, Prefix=self._prefix, KeyMarker=name, UploadIdMarker=upload
                    )
                    found = [(one["Key"], one["UploadId"], one["Initiated"]) for one in page.get("Uploads", ())]
                    count = sum(self._abort_stale(*one, limit) for one in found)
                if found:
                    yield Stretch(_UPLOADS + found[-1][0].removeprefix(self._prefix), [], count)
                if not page.get("IsTruncated"):
                    return
                name, upload = page["NextKeyMarker"], page["NextUploadIdMarker"]
        except StorageUnavailable as error:  # not every object store permits listing them
            log.warning("cannot look for unfinished uploads: %s", error.detail)

    def resumable(self) -> S3Resumable:
        return S3Resumable(self._client, self._bucket, self._name, self._part_bytes)

    def _abort_stale(self, name: str, upload: str, begun: datetime, limit: datetime) -> bool:
        """Abort a multipart upload without progress since the limit; False when it made progress or has ended."""
        try:
            if begun >= limit or self._last_part(name, upload, begun) >= limit:
                return False
            if is_resumable(self._client, self._bucket, name, upload):
                return False
            self._client.abort_multipart_upload(Bucket=self._bucket, Key=name, UploadId=upload)
        except self._client.exceptions.NoSuchUpload:
            return False
        return True

    def _last_part(self, name: str, upload: str, begun: datetime) -> datetime:
        """Time of the last part of a multipart upload."""
        pages = self._client.get_paginator("list_parts").paginate(Bucket=self._bucket, Key=name, UploadId=upload)
        return max((part["LastModified"] for page in pages for part in page.get("Parts", ())), default=begun)

    def _name(self, key: str) -> str:
        return self._prefix + checked(key)

    def _head(self, name: str) -> tuple[bytes, int, str]:
        """The first bytes of an object, its size, and its ETag."""
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=name, Range=f"bytes=0-{_HEAD_BYTES - 1}")
        except ClientError as error:
            if status(error) != _HTTP_EMPTY:
                raise
            return b"", 0, ""
        with closing(answer["Body"]) as body:
            head = body.read()
        size = int(answer["ContentRange"].rpartition("/")[2]) if "ContentRange" in answer else len(head)
        return head, size, answer["ETag"]


class _Writer(PartWriter):
    """Writer of an object; content smaller than one part is sent as a single object at the end."""

    def complete(self) -> None:
        """Publish the object."""
        if not self._upload:
            self._buffer.seek(0)
            with failures(self._name):
                self._client.put_object(Bucket=self._bucket, Key=self._name, Body=self._buffer)
            return
        if self._buffer.tell():
            self._send()
        with failures(self._name):
            complete(self._client, self._bucket, self._name, self._upload, self._etags)

    def abort(self) -> None:
        """Abort the upload. If that fails too, the sweep removes it later."""
        self._buffer = io.BytesIO()
        if self._upload:
            with suppress(WebDetectorError), failures(self._name):
                self._client.abort_multipart_upload(Bucket=self._bucket, Key=self._name, UploadId=self._upload)
