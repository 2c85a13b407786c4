"""Metadata that clients send with a video."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from api.requests.multipart_form import Form
from contracts.errors import InvalidInput
from contracts.wire.messages import FPS_LIMITS

_UNKNOWN_TYPE = "application/octet-stream"
# Without "+": browsers run the scripts of every type that ends in +xml.
_VIDEO_TYPE = re.compile(r"video/[\w.-]{1,100}", re.ASCII)
_NUMBER = re.compile(r"\d{1,3}(\.\d{1,9})?", re.ASCII)
_NAME_MAX = 255
_TAGS_MAX = 50


@dataclass(frozen=True, slots=True)
class VideoMetadata:
    """Metadata of a video. content_type: the type that the file is served with. fps: rate of an elementary stream,
    which has no times."""

    name: str | None = None
    content_type: str = _UNKNOWN_TYPE
    recorded_at: datetime | None = None
    source: str | None = None
    tags: list[str] = field(default_factory=list)
    fps: float | None = None


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
    recorded_at, fps = _time(form.fields.get("recorded_at")), _rate(form.fields.get("fps"))
    return VideoMetadata(name, served_type(form.content_type), recorded_at, source, tags, fps)


def served_type(told: str) -> str:
    """The media type that a file is served with: the given one of a video that browsers at most play, or the unknown
    type, which they download."""
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


def _rate(text: str | None) -> float | None:
    if text is None:
        return None
    least, most = FPS_LIMITS
    rate = float(text) if _NUMBER.fullmatch(text) else 0.0
    if not least <= rate <= most:
        raise InvalidInput(f"fps is not a number from {least} to {most}: write it like 12.5")
    return rate
