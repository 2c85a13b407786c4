"""Metadata that clients send with a video."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from api.requests.multipart_form import Form
from contracts.errors import InvalidInput

_UNKNOWN_TYPE = "application/octet-stream"
_VIDEO_TYPE = re.compile(r"video/[\w.+-]{1,100}", re.ASCII)
_NAME_MAX = 255
_TAGS_MAX = 50


@dataclass(frozen=True, slots=True)
class VideoMetadata:
    """Metadata of a video. content_type: the type that the file is served with."""

    name: str | None = None
    content_type: str = _UNKNOWN_TYPE
    recorded_at: datetime | None = None
    source: str | None = None
    tags: list[str] = field(default_factory=list)


def metadata_of(form: Form) -> VideoMetadata:
    """The metadata in form fields. Raises InvalidInput."""
    name = form.fields.get("name") or form.filename
    source = form.fields.get("source")
    tags = [tag.strip() for tag in form.fields.get("tags", "").split(",") if tag.strip()]
    for what, value in (("name", name), ("source", source), *(("tag", tag) for tag in tags)):
        if value is not None and len(value) > _NAME_MAX:
            raise InvalidInput(f"{what} is longer than {_NAME_MAX} characters: shorten it")
        if value is not None and not value.isprintable():
            raise InvalidInput(f"{what} contains control characters: remove them")
    if len(tags) > _TAGS_MAX:
        raise InvalidInput(f"there are more than {_TAGS_MAX} tags: send fewer")
    return VideoMetadata(name, _media_type(form.content_type), _time(form.fields.get("recorded_at")), source, tags)


def _media_type(told: str) -> str:
    """A video media type, or the unknown type for everything else."""
    name = told.partition(";")[0].strip().lower()
    return name if _VIDEO_TYPE.fullmatch(name) else _UNKNOWN_TYPE


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        value = msgspec.convert(text, datetime)
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    except (msgspec.ValidationError, OverflowError):
        raise InvalidInput("recorded_at is not a valid time: write it like 2026-01-31T12:00:00Z") from None
