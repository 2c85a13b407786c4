"""RTSP (RFC 2326) on one TCP connection: messages, and media packets between them. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from ingest.sources.network.head import BadHead, Head, split_head

_MEDIA = 0x24  # "$"
_MEDIA_HEADER_BYTES = 4
_BLANKS = b"\r\n"
_BODY_MAX_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Message:
    """An answer, or a request of the server."""

    head: Head
    body: bytes


# (channel, RTP or RTCP packet)
Media = tuple[int, bytes]


class Wire:
    """Cuts what a server sends into messages and media packets."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._place = 0

    def feed(self, data: bytes) -> Iterator[Media | Message]:
        """What is complete with these bytes. Raises BadHead where it is no RTSP."""
        kept = self._data
        kept += data
        while (item := self._next()) is not None:
            yield item
        del kept[: self._place]
        self._place = 0

    def _next(self) -> Media | Message | None:
        data = self._data
        while self._place < len(data) and data[self._place] in _BLANKS:  # after a body, of some cameras
            self._place += 1
        place = self._place
        if len(data) - place < _MEDIA_HEADER_BYTES:
            return None
        if data[place] == _MEDIA:
            end = place + _MEDIA_HEADER_BYTES + (data[place + 2] << 8 | data[place + 3])
            if len(data) < end:
                return None
            self._place = end
            return data[place + 1], bytes(data[place + _MEDIA_HEADER_BYTES : end])
        return self._message()

    def _message(self) -> Message | None:
        rest = self._data[self._place :]
        if not rest[:1].isalpha():
            raise BadHead
        found = split_head(rest)
        if found is None:
            return None
        head, size = found
        length = head.length or 0
        if length > _BODY_MAX_BYTES:
            raise BadHead
        if len(rest) < size + length:
            return None
        self._place += size + length
        return Message(head, bytes(rest[size : size + length]))


def request(method: str, uri: str, number: int, fields: dict[str, str]) -> bytes:
    """A request without a body."""
    whole = {"CSeq": str(number), "User-Agent": "web-detector", **fields}
    lines = [f"{method} {uri} RTSP/1.0", *(f"{name}: {value}" for name, value in whole.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
