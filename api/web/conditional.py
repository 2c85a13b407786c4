"""Conditional and partial requests (RFC 9110): ETag, If-None-Match, Range, If-Range. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

# Cached by the client only, and revalidated before each use.
PRIVATE = "private, no-cache"
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class NotSatisfiable(Exception):
    """The range starts beyond the end."""


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes first to last of a representation, both included."""

    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first + 1


def is_known(headers: Mapping[str, str], etag: str) -> bool:
    """Whether If-None-Match names this representation."""
    held = headers.get("if-none-match")
    return held is not None and (held.strip() == "*" or etag in _opaque(held))


def wanted_part(headers: Mapping[str, str], etag: str, size: int) -> Part | None:
    """The requested range, None for the whole representation: also for several ranges, a malformed Range, and an
    If-Range of another version. Raises NotSatisfiable."""
    text = headers.get("range", "")
    if "if-range" in headers and headers["if-range"].strip() != etag:
        return None
    match = _RANGE.fullmatch(text.replace(" ", ""))
    if match is None or not any(match.groups()):
        return None
    first, last = match.groups()
    if not first:
        start, stop = max(0, size - int(last)), size - 1
        if not int(last):
            raise NotSatisfiable
    else:
        start, stop = int(first), min(int(last or size), size - 1)
        if last and int(last) < start:
            return None
    if start >= size:
        raise NotSatisfiable
    return Part(start, stop)


def _opaque(header: str) -> list[str]:
    """The tags of a list, without the W/ of weak ones."""
    return [tag.strip().removeprefix("W/") for tag in header.split(",")]
