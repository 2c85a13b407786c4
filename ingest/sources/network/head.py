"""The head of an HTTP or RTSP message. Pure."""

import re
from dataclasses import dataclass

HEAD_MAX_BYTES = 64 * 1024
_MOST_LINES = 200
_END = re.compile(rb"\n\r?\n")
_END_BYTES = 4
_STATUS = re.compile(r"[1-9][0-9]{2}")


class BadHead(Exception):
    """What came is no head, or without end."""


@dataclass(frozen=True, slots=True)
class Head:
    """start: the first line. fields: names in lower case, in their order."""

    start: str
    fields: tuple[tuple[str, str], ...]

    @property
    def status(self) -> int:
        """Of an answer. Raises BadHead for another message."""
        parts = self.start.split(None, 2)
        if len(parts) < 2 or not parts[0].startswith(("HTTP/", "RTSP/", "ICY")) or not _STATUS.fullmatch(parts[1]):
            raise BadHead
        return int(parts[1])

    def get(self, name: str, default: str = "") -> str:
        """The first value of a field."""
        return next((value for key, value in self.fields if key == name), default)

    def all(self, name: str) -> list[str]:
        """All values of a field."""
        return [value for key, value in self.fields if key == name]

    @property
    def length(self) -> int | None:
        """Content-Length, None without a valid one."""
        text = self.get("content-length")
        return int(text) if text.isdecimal() and len(text) < 19 else None


def split_head(data: bytes | bytearray, start: int = 0) -> tuple[Head, int] | None:
    """The head at a place of data and its number of bytes; None while it is not complete. Looks at its own bytes alone,
    HEAD_MAX_BYTES at most. Raises BadHead."""
    end = _END.search(data, start, start + HEAD_MAX_BYTES + _END_BYTES)
    if end is None:
        if len(data) - start > HEAD_MAX_BYTES:
            raise BadHead
        return None
    lines = bytes(data[start : end.start()]).decode("latin-1").splitlines()
    if not lines or not lines[0] or len(lines) > _MOST_LINES:
        raise BadHead
    fields = (line.partition(":") for line in lines[1:] if ":" in line)
    return Head(lines[0], tuple((name.strip().lower(), value.strip()) for name, _, value in fields)), end.end() - start
