"""Resumable objects in a bucket: a multipart upload that stays open.

Parts have a minimum size, so the bytes after the last full part are stored as a separate object, the tail. Another
object, the mark, holds the id of the multipart upload, since not every store can list its uploads.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, cast

from contracts.errors import NotFound
from contracts.storage.port import checked
from contracts.storage.s3_client import failures

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_MARK, _TAIL = "-upload", "-tail"
_PART_NUMBER = "part"  # metadata of a tail: number of the part that it begins


class PartWriter(io.RawIOBase):
    """Sends written data in full parts; the rest stays in the buffer."""

    def __init__(
        self, client: "S3Client", bucket: str, name: str, part_bytes: int, upload: str = "", etags: Sequence[str] = ()
    ) -> None:
        """upload: id of the multipart upload, empty to create one with the first part. etags: of its parts so far."""
        super().__init__()
        self._client, self._bucket, self._name = client, bucket, name
        self._part_bytes = part_bytes
        self._upload, self._etags = upload, list(etags)
        self._buffer = io.BytesIO()

    def writable(self) -> bool:
        return True

    def write(self, data: "bytes | bytearray | memoryview") -> int:  # type: ignore[override]
        view = memoryview(data).cast("B")
        done = 0
        while done < len(view):
            room = max(self._part_bytes - self._buffer.tell(), 0)
            done += self._buffer.write(view[done : done + room])
            if self._buffer.tell() >= self._part_bytes:
                self._send()
        return done

    def _send(self) -> None:
        with failures(self._name):
            if not self._upload:
                self._upload = self._begin()
            self._buffer.seek(0)
            number = len(self._etags) + 1
            etag = send_part(self._client, self._bucket, self._name, self._upload, number, self._buffer)
        self._etags.append(etag)
        self._buffer = io.BytesIO()

    def _begin(self) -> str:
        return self._client.create_multipart_upload(Bucket=self._bucket, Key=self._name)["UploadId"]


def send_part(client: "S3Client", bucket: str, name: str, upload: str, number: int, body: io.BytesIO) -> str:
    """Send a part; returns its ETag."""
    part = client.upload_part(Bucket=bucket, Key=name, UploadId=upload, PartNumber=number, Body=body)
    return part["ETag"]


def complete(client: "S3Client", bucket: str, name: str, upload: str, etags: Sequence[str]) -> None:
    """Complete the multipart upload from the parts with these ETags."""
    parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
    client.complete_multipart_upload(
        Bucket=bucket,
        Key=name,
        UploadId=upload,
        MultipartUpload={"Parts": parts},  # type: ignore[typeddict-item]
    )


@dataclass(slots=True)
class _State:
    """State of an unfinished object. upload: id, empty before the first part; tail_bytes: 0 without a tail."""

    upload: str
    parts: list[tuple[str, int]]  # ETag and bytes
    tail_bytes: int

    @property
    def etags(self) -> list[str]:
        return [etag for etag, _ in self.parts]

    @property
    def size(self) -> int:
        return sum(size for _, size in self.parts) + self.tail_bytes


class S3Resumable:
    """Resumable objects in the bucket of an S3Storage. name: object name of a key. Threads may share it."""

    def __init__(self, client: "S3Client", bucket: str, name: Callable[[str], str], part_bytes: int) -> None:
        self._client = client
        self._bucket = bucket
        self._name = name
        self._part_bytes = part_bytes

    def size(self, key: str) -> int:
        name = self._name(checked(key))
        with failures(key):
            whole = self._whole(name)
            return self._look(name).size if whole is None else whole

    @contextmanager
    def append(self, key: str) -> Iterator[BinaryIO]:
        name = self._name(checked(key))
        with failures(key):
            state = self._look(name)
            tail = self._tail(name) if state.tail_bytes else b""
            if not tail:  # a leftover tail must not match a later state
                self._client.delete_object(Bucket=self._bucket, Key=name + _TAIL)
        writer = _ResumableWriter(self._client, self._bucket, name, state, tail, self._part_bytes)
        try:
            yield cast(BinaryIO, writer)
        finally:
            writer.keep()

    def finish(self, key: str) -> None:
        name = self._name(checked(key))
        with failures(key):
            if self._whole(name) is None:
                self._complete(name, self._look(name))
            self._clear(name)

    def discard(self, key: str) -> None:
        name = self._name(checked(key))
        with failures(key):
            if upload := _mark(self._client, self._bucket, name):
                with suppress(self._client.exceptions.NoSuchUpload):
                    self._client.abort_multipart_upload(Bucket=self._bucket, Key=name, UploadId=upload)
            self._clear(name)

    def _complete(self, name: str, state: _State) -> None:
        tail = self._tail(name) if state.tail_bytes else b""
        if not state.upload:
            self._client.put_object(Bucket=self._bucket, Key=name, Body=tail)
            return
        etags = state.etags
        if tail:
            etags.append(send_part(self._client, self._bucket, name, state.upload, len(etags) + 1, io.BytesIO(tail)))
        complete(self._client, self._bucket, name, state.upload, etags)

    def _look(self, name: str) -> _State:
        upload = _mark(self._client, self._bucket, name)
        parts = self._parts(name, upload) if upload else None
        if parts is None:  # no upload yet, or the store has aborted it
            upload, parts = "", []
        state = _State(upload, parts, 0)
        with suppress(NotFound), failures(name):
            tail = self._client.head_object(Bucket=self._bucket, Key=name + _TAIL)
            # A tail of an earlier part is already contained in that part: its writer was killed in between.
            if tail["Metadata"].get(_PART_NUMBER) == str(len(parts) + 1):
                state.tail_bytes = tail["ContentLength"]
        return state

    def _parts(self, name: str, upload: str) -> list[tuple[str, int]] | None:
        pages = self._client.get_paginator("list_parts").paginate(Bucket=self._bucket, Key=name, UploadId=upload)
        try:
            found = [part for page in pages for part in page.get("Parts", ())]
        except self._client.exceptions.NoSuchUpload:
            return None
        return [(part["ETag"], part["Size"]) for part in sorted(found, key=lambda part: part["PartNumber"])]

    def _tail(self, name: str) -> bytes:
        answer = self._client.get_object(Bucket=self._bucket, Key=name + _TAIL)
        with closing(answer["Body"]) as body:
            return body.read()

    def _whole(self, name: str) -> int | None:
        with suppress(NotFound), failures(name):
            return self._client.head_object(Bucket=self._bucket, Key=name)["ContentLength"]
        return None

    def _clear(self, name: str) -> None:
        for suffix in (_TAIL, _MARK):  # the mark last, since it leads to the rest
            self._client.delete_object(Bucket=self._bucket, Key=name + suffix)


class _ResumableWriter(PartWriter):
    """Stores the rest as the tail."""

    def __init__(self, client: "S3Client", bucket: str, name: str, state: _State, tail: bytes, part_bytes: int) -> None:
        super().__init__(client, bucket, name, part_bytes, state.upload, state.etags)
        self._buffer.write(tail)
        self._kept = len(tail)  # bytes of the buffer that are stored as the tail

    def keep(self) -> None:
        """Store the unsent rest of the buffer."""
        size = self._buffer.tell()
        if size <= self._kept:
            return
        self._buffer.seek(0)
        with failures(self._name):
            self._client.put_object(
                Bucket=self._bucket,
                Key=self._name + _TAIL,
                Body=self._buffer,
                Metadata={_PART_NUMBER: str(len(self._etags) + 1)},
            )
        self._buffer.seek(size)
        self._kept = size

    def _send(self) -> None:
        super()._send()
        self._kept = 0

    def _begin(self) -> str:
        upload = super()._begin()
        self._client.put_object(Bucket=self._bucket, Key=self._name + _MARK, Body=upload.encode())
        return upload


def key_of(name: str) -> str:
    """The key of an object in the bucket, which may be a tail or a mark."""
    return name.removesuffix(_TAIL).removesuffix(_MARK)


def is_resumable(client: "S3Client", bucket: str, name: str, upload: str) -> bool:
    """Whether a multipart upload belongs to a resumable object, so that `sweep` must not abort it."""
    return _mark(client, bucket, name) == upload


def _mark(client: "S3Client", bucket: str, name: str) -> str:
    """The id of the multipart upload of an object, empty without one."""
    with suppress(NotFound), failures(name):
        answer = client.get_object(Bucket=bucket, Key=name + _MARK)
        with closing(answer["Body"]) as body:
            return body.read().decode()
    return ""
