"""The headers of resumable uploads (tus 1.0.0), read and written. Pure."""

import base64
import hashlib
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from api.requests.multipart_form import Form
from contracts.errors import ChecksumMismatch, Malformed, UnsupportedProtocol, UploadTooLarge

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,expiration,termination,checksum"
ALGORITHMS = ("sha1", "sha256")
PIECE_TYPE = "application/offset+octet-stream"

# A piece with a checksum is held in memory until the checksum is known to be right.
_CHECKED_MAX_BYTES = 8 * 1024 * 1024
_NUMBER = re.compile(r"\d{1,18}", re.ASCII)
_FIELDS = ("name", "recorded_at", "source", "tags")


@dataclass(frozen=True, slots=True)
class Checksum:
    """What a client says of a piece."""

    algorithm: str
    digest: bytes


def check_version(headers: Mapping[str, str]) -> None:
    """Raises UnsupportedProtocol."""
    told = headers.get("tus-resumable")
    if told != VERSION:
        raise UnsupportedProtocol(f"Tus-Resumable is {told!r}: this service speaks {VERSION}, send that")


def number(headers: Mapping[str, str], name: str) -> int:
    """A header that counts bytes. Raises Malformed."""
    told = headers.get(name.lower(), "")
    if not _NUMBER.fullmatch(told):
        raise Malformed(f"the header {name} is needed, a number of bytes" + (f": it is {told!r}" if told else ""))
    return int(told)


def form_of(metadata: str) -> Form:
    """The facts in an Upload-Metadata: filename, filetype, and the fields of a form. Raises Malformed."""
    told = _pairs(metadata)
    return Form(
        fields={name: told[name] for name in _FIELDS if name in told},
        filename=told.get("filename") or None,
        content_type=told.get("filetype", ""),
    )


def _pairs(metadata: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in filter(None, (item.strip() for item in metadata.split(","))):
        key, _, value = item.partition(" ")
        if key in found:
            raise Malformed(f"Upload-Metadata has {key!r} twice")
        try:
            found[key] = base64.b64decode(value.strip(), validate=True).decode()
        except ValueError:  # what is not base64, not ASCII to begin with, or not UTF-8 inside
            raise Malformed(f"Upload-Metadata: the value of {key!r} is not UTF-8 in base64") from None
    return found


def checksum_of(headers: Mapping[str, str]) -> Checksum | None:
    """The Upload-Checksum, None without one. Raises Malformed."""
    told = headers.get("upload-checksum")
    if told is None:
        return None
    algorithm, _, value = told.partition(" ")
    if algorithm not in ALGORITHMS:
        raise Malformed(f"Upload-Checksum: {algorithm!r} is not known, take one of {', '.join(ALGORITHMS)}")
    try:
        return Checksum(algorithm, base64.b64decode(value.strip(), validate=True))
    except ValueError:
        raise Malformed("Upload-Checksum: the value is not base64") from None


async def verified(stream: AsyncIterator[bytes], checksum: Checksum) -> AsyncIterator[bytes]:
    """The stream as one piece, once all of it is there and right. Raises ChecksumMismatch, UploadTooLarge."""
    data = bytearray()
    async for piece in stream:
        data += piece
        if len(data) > _CHECKED_MAX_BYTES:
            raise UploadTooLarge(f"a piece with a checksum has at most {_CHECKED_MAX_BYTES} bytes: send smaller ones")
    if hashlib.new(checksum.algorithm, data, usedforsecurity=False).digest() != checksum.digest:
        raise ChecksumMismatch("the piece is not what its checksum says, and was not kept: send it again")
    if data:
        yield bytes(data)


def expires(time: datetime) -> str:
    """The value of Upload-Expires."""
    return format_datetime(time, usegmt=True)
