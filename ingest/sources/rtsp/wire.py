"""RTSP (RFC 2326) on one TCP connection: messages, and media packets between them. Pure."""

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
        self._rest = b""  # the beginning of an item

    def feed(self, data: bytes) -> list[Media | Message]:
        """What is complete with these bytes. Raises BadHead where it is no RTSP."""
        data = self._rest + data if self._rest else data
        found: list[Media | Message] = []
        place, size = 0, len(data)
        while size - place >= _MEDIA_HEADER_BYTES:
            if data[place] == _MEDIA:
                start = place + _MEDIA_HEADER_BYTES
                end = start + (data[place + 2] << 8 | data[place + 3])
                if end > size:
                    break
                found.append((data[place + 1], data[start:end]))
                place = end
            elif data[place] in _BLANKS:  # after a body, of some cameras
                place += 1
            elif (message := _message(data[place:])) is not None:
                found.append(message[0])
                place += message[1]
            else:
                break
        self._rest = data[place:]
        return found


def _message(data: bytes) -> tuple[Message, int] | None:
    """The message that data begins with, and its bytes; None where it is not complete. Raises BadHead."""
    if not data[:1].isalpha():
        raise BadHead
    found = split_head(data)
    if found is None:
        return None
    head, size = found
    length = head.length or 0
    if length > _BODY_MAX_BYTES:
        raise BadHead
    if len(data) < size + length:
        return None
    return Message(head, data[size : size + length]), size + length


def request(method: str, uri: str, number: int, fields: dict[str, str]) -> bytes:
    """A request without a body."""
    whole = {"CSeq": str(number), "User-Agent": "web-detector", **fields}
    lines = [f"{method} {uri} RTSP/1.0", *(f"{name}: {value}" for name, value in whole.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
