"""RTSP (RFC 2326) on one TCP connection: messages, and media packets between them. Pure."""

from dataclasses import dataclass

from ingest.sources.network.head import BadHead, Head, split_head

_MEDIA = 0x24  # "$"
_MEDIA_HEADER_BYTES = 4
_BLANKS = b"\r\n"
_BODY_MAX_BYTES = 256 * 1024
# In the bytes of one read: cameras send one in many seconds, and each costs far more than its bytes.
_MOST_MESSAGES = 100


@dataclass(frozen=True, slots=True)
class Message:
    """An answer, or a request of the server."""

    head: Head
    body: bytes


# (channel, RTP or RTCP packet)
Media = tuple[int, bytes]


class Wire:
    """Cuts what a server sends into messages and media packets, in a time that grows with its bytes alone."""

    def __init__(self) -> None:
        self._rest = bytearray()  # the beginning of an item
        self._wanted = _MEDIA_HEADER_BYTES  # with fewer bytes there is nothing new to find

    def feed(self, data: bytes) -> list[Media | Message]:
        """What is complete with these bytes. Raises BadHead where it is no RTSP."""
        self._rest += data
        if len(self._rest) < self._wanted:
            return []
        found, taken = self._found()
        del self._rest[:taken]
        return found

    def _found(self) -> tuple[list[Media | Message], int]:
        """The items that are complete, and their bytes."""
        found: list[Media | Message] = []
        messages, place, size = 0, 0, len(self._rest)
        self._wanted = _MEDIA_HEADER_BYTES
        with memoryview(self._rest) as data:
            while size - place >= _MEDIA_HEADER_BYTES:
                if data[place] == _MEDIA:
                    start = place + _MEDIA_HEADER_BYTES
                    end = start + (data[place + 2] << 8 | data[place + 3])
                    if end > size:
                        self._wanted = end - place
                        break
                    found.append((data[place + 1], bytes(data[start:end])))
                    place = end
                elif data[place] in _BLANKS:  # after a body, of some cameras
                    place += 1
                else:
                    message, end = _message(self._rest, place)
                    messages += 1
                    if messages > _MOST_MESSAGES:
                        raise BadHead
                    if message is None:
                        self._wanted = end - place
                        break
                    found.append(message)
                    place = end
        return found, place


def _message(data: bytearray, start: int) -> tuple[Message | None, int]:
    """The message that begins there, and where it ends; None where it is not complete, and where it ends at the
    earliest. Raises BadHead."""
    if not data[start : start + 1].isalpha():
        raise BadHead
    found = split_head(data, start)
    if found is None:
        return None, len(data) + 1
    head, size = found
    length = head.length or 0
    if length > _BODY_MAX_BYTES:
        raise BadHead
    body, end = start + size, start + size + length
    return (Message(head, bytes(data[body:end])) if end <= len(data) else None), end


def request(method: str, uri: str, number: int, fields: dict[str, str]) -> bytes:
    """A request without a body."""
    whole = {"CSeq": str(number), "User-Agent": "web-detector", **fields}
    lines = [f"{method} {uri} RTSP/1.0", *(f"{name}: {value}" for name, value in whole.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
