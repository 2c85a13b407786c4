"""Conditional and partial requests (RFC 9110): ETag, If-None-Match, Range, If-Range. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from werkzeug.http import parse_etags, parse_range_header

# Cached by the client only, and revalidated before each use.
PRIVATE = "private, no-cache"


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
    return parse_etags(headers.get("if-none-match", "").strip()).contains_weak(etag.strip('"'))


def wanted_part(headers: Mapping[str, str], etag: str, size: int) -> Part | None:
    """The requested range, None for the whole representation: also for several ranges, a malformed Range, and an
    If-Range of another version. Raises NotSatisfiable."""
    if "if-range" in headers and headers["if-range"].strip() != etag:
        return None
    wanted = parse_range_header(headers.get("range"))
    if wanted is None or wanted.units != "bytes" or len(wanted.ranges) != 1:
        return None
    start, stop = wanted.ranges[0]  # negative: counted from the end; the stop is excluded
    start = max(0, start + size) if start < 0 else start
    if start >= size:
        raise NotSatisfiable
    return Part(start, min(stop or size, size) - 1)
