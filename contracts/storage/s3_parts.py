"""Uploads in parts to a bucket."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from contracts.storage.s3_client import failures

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


class PartWriter(io.RawIOBase):
    """Sends what is written in parts as they fill; what is left over is in the buffer."""

    def __init__(
        self, client: "S3Client", bucket: str, name: str, part_bytes: int, upload: str = "", etags: Sequence[str] = ()
    ) -> None:
        """upload: its id, empty for one that begins with the first part. etags: of the parts that it has."""
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
    """Send a part; its ETag."""
    part = client.upload_part(Bucket=bucket, Key=name, UploadId=upload, PartNumber=number, Body=body)
    return part["ETag"]


def complete(client: "S3Client", bucket: str, name: str, upload: str, etags: Sequence[str]) -> None:
    """Make the object appear of the parts that have these ETags."""
    parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
    client.complete_multipart_upload(
        Bucket=bucket,
        Key=name,
        UploadId=upload,
        MultipartUpload={"Parts": parts},  # type: ignore[typeddict-item]
    )
