"""The body of an HTTP answer that may never end."""

from dataclasses import dataclass

from contracts.live.streams import Reason
from ingest.sources.network.connection import Connection
from ingest.sources.network.head import Head
from ingest.sources.port import SourceFailed

_LINE_MAX_BYTES = 1024


class Body:
    """Reads what comes after a head, without its transfer encoding. begun: what came with the head."""

    def __init__(self, connection: Connection, head: Head, begun: bytes) -> None:
        self._connection = connection
        self._begun = begun
        self._chunks = Chunks() if "chunked" in head.get("transfer-encoding").lower() else None
        self._left = None if self._chunks else head.length

    async def read(self) -> bytes:
        """The next bytes; empty at the end. Raises SourceFailed."""
        while self._left != 0:
            data, self._begun = self._begun or await self._connection.read(), b""
            if not data:
                return b""
            if self._chunks is not None:
                data = self._chunks.feed(data)
                if self._chunks.has_ended:
                    self._left = 0
            elif self._left is not None:
                data = data[: self._left]
                self._left -= len(data)
            if data:
                return data
        return b""


@dataclass(slots=True)
class Chunks:
    """Chunked transfer encoding (RFC 9112, section 7.1). Pure."""

    _line: bytes = b""
    _left: int = 0  # of the chunk, with the end of its last line
    has_ended: bool = False

    def feed(self, data: bytes) -> bytes:
        """The content in the next bytes. Raises SourceFailed."""
        found, place = [], 0
        while place < len(data) and not self.has_ended:
            if self._left > 2:
                piece = data[place : place + self._left - 2]
                found.append(piece)
                self._left -= len(piece)
                place += len(piece)
            elif self._left:
                skipped = min(self._left, len(data) - place)
                self._left -= skipped
                place += skipped
            else:
                place = self._size(data, place)
        return b"".join(found)

    def _size(self, data: bytes, place: int) -> int:
        """Read a chunk's size; the place behind it."""
        end = data.find(b"\n", place)
        self._line += data[place : end if end >= 0 else len(data)]
        if len(self._line) > _LINE_MAX_BYTES:
            raise _broken()
        if end < 0:
            return len(data)
        digits, self._line = self._line.partition(b";")[0].strip(), b""
        try:
            size = int(digits, 16)
        except ValueError:
            raise _broken() from None
        if size < 0 or len(digits) > 15:
            raise _broken()
        self.has_ended = size == 0
        self._left = size + 2
        return end + 1


def _broken() -> SourceFailed:
    return SourceFailed(Reason.NOT_A_STREAM, "the address breaks the rules of HTTP: its chunks cannot be read")
