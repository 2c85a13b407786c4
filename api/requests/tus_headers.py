"""The headers of resumable uploads (tus 1.0.0), read and written. Pure."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from api.requests.multipart_form import Form
from contracts.errors import Malformed, UnsupportedProtocol

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,expiration,termination,checksum"
ALGORITHMS = ("sha1", "sha256")
CHUNK_TYPE = "application/offset+octet-stream"

_NUMBER = re.compile(r"\d{1,18}", re.ASCII)
_FIELDS = ("name", "recorded_at", "source", "tags", "fps")


@dataclass(frozen=True, slots=True)
class Checksum:
    """The Upload-Checksum of a chunk."""

    algorithm: str
    digest: bytes


def check_version(headers: Mapping[str, str]) -> None:
    """Raises UnsupportedProtocol."""
    told = headers.get("tus-resumable")
    if told != VERSION:
        raise UnsupportedProtocol(f"Tus-Resumable is {told!r}: send {VERSION}, the version of this service")


def number(headers: Mapping[str, str], name: str) -> int:
    """A header with a number of bytes. Raises Malformed."""
    told = headers.get(name.lower(), "")
    if not _NUMBER.fullmatch(told):
        raise Malformed(
            f"the header {name} must be a number of bytes" + (f", not {told!r}" if told else ", but is missing")
        )
    return int(told)


def form_of(metadata: str) -> Form:
    """The Upload-Metadata header as form fields, with filename and filetype. Raises Malformed."""
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
            raise Malformed(f"Upload-Metadata contains {key!r} twice: send it once")
        try:
            found[key] = base64.b64decode(value.strip(), validate=True).decode()
        except ValueError:  # not base64, not ASCII, or not UTF-8 inside
            raise Malformed(f"Upload-Metadata: the value of {key!r} is not base64 of UTF-8 text") from None
    return found


def checksum_of(headers: Mapping[str, str]) -> Checksum | None:
    """The Upload-Checksum, None without one. Raises Malformed."""
    told = headers.get("upload-checksum")
    if told is None:
        return None
    algorithm, _, value = told.partition(" ")
    if algorithm not in ALGORITHMS:
        raise Malformed(f"Upload-Checksum: {algorithm!r} is unknown, use one of {', '.join(ALGORITHMS)}")
    try:
        return Checksum(algorithm, base64.b64decode(value.strip(), validate=True))
    except ValueError:
        raise Malformed("Upload-Checksum: the value is not base64") from None


def expires(time: datetime) -> str:
    """The value of Upload-Expires."""
    return format_datetime(time, usegmt=True)
