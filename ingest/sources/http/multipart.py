"""MJPEG over HTTP: JPEGs as the parts of a multipart answer (multipart/x-mixed-replace). Pure."""

from collections.abc import Iterator

from contracts.live.streams import Reason
from ingest.sources.network.head import BadHead, split_head
from ingest.sources.port import SourceFailed
from media.jpeg import START

PART_MAX_BYTES = 32 * 1024**2
_END = b"\xff\xd9"


class Parts:
    """Cuts a multipart body into its parts.

    boundary: as the head of the answer says. Cameras write it with and without dashes, so that a line that begins with
    two dashes and holds it is taken for one. Where a part tells its length it is given out with its last byte, else
    with the boundary that follows.
    """

    def __init__(self, boundary: str) -> None:
        self._mark = b"--" + boundary.encode("latin-1").strip(b'"').removeprefix(b"--")
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
        end = self._data.find(b"\n" + self._mark, self._searched)
        if end < 0:
            self._searched = max(0, len(self._data) - len(self._mark))
            return None
        return self._taken(end - self._data[:end].endswith(b"\r"), end)

    def _begin(self) -> bool:
        """Go behind the head of the next part; whether it is complete."""
        start = self._data.find(self._mark)
        if start < 0:
            del self._data[: max(0, len(self._data) - len(self._mark))]
            return False
        try:
            found = split_head(self._data[start:])
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
