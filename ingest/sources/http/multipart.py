"""MJPEG over HTTP: JPEGs as the parts of a multipart answer (multipart/x-mixed-replace). Pure."""

import re
from collections.abc import Iterator

from contracts.live.streams import Reason
from ingest.sources.network.head import BadHead, split_head
from ingest.sources.port import SourceFailed
from media.jpeg import START

PART_MAX_BYTES = 32 * 1024**2
_LINE_END_BYTES = 16  # before a boundary, with its dashes


class Parts:
    """Cuts a multipart body into its parts.

    boundary: as the head of the answer says, which many cameras write with dashes or send without. Where a part tells
    its length it is given out with its last byte, else with the boundary that follows.
    """

    def __init__(self, boundary: str) -> None:
        self._mark = boundary.encode("latin-1").strip(b'"').lstrip(b"-") or b"--"
        self._end = re.compile(rb"\r?\n-*" + re.escape(self._mark))
        self._data = bytearray()
        self._searched = 0
        self._length: int | None = None
        self._in_part = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The JPEGs that end with these bytes. Raises SourceFailed."""
        self._data += data
        while (part := self._next()) is not None:
            if part.startswith(START):
                yield part
        if len(self._data) > PART_MAX_BYTES:
            raise SourceFailed(Reason.NOT_A_STREAM, f"the camera sends a picture of more than {PART_MAX_BYTES} bytes")

    def _next(self) -> bytes | None:
        if not self._in_part and not self._begin():
            return None
        if self._length is not None:
            return self._taken(self._length, self._length) if len(self._data) >= self._length else None
        end = self._end.search(self._data, self._searched)
        if end is None:
            self._searched = max(0, len(self._data) - len(self._mark) - _LINE_END_BYTES)
            return None
        return self._taken(end.start(), end.start())

    def _begin(self) -> bool:
        """Go behind the head of the next part; whether it is complete."""
        start = self._data.find(self._mark)
        if start < 0:
            del self._data[: max(0, len(self._data) - len(self._mark))]
            return False
        try:
            found = split_head(self._data, start)
        except BadHead:
            raise SourceFailed(Reason.NOT_A_STREAM, "the camera sends parts with a head without end") from None
        if found is None:
            return False
        head, size = found
        del self._data[: start + size]
        self._length, self._searched, self._in_part = head.length, 0, True
        if self._length is not None and self._length > PART_MAX_BYTES:
            raise SourceFailed(Reason.NOT_A_STREAM, f"the camera sends a picture of more than {PART_MAX_BYTES} bytes")
        return True

    def _taken(self, size: int, end: int) -> bytes:
        part = bytes(self._data[:size])
        del self._data[:end]
        self._in_part = False
        return part
