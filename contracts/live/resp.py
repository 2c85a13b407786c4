"""Redis' protocol RESP2: commands to bytes, and bytes to answers. Pure."""

from typing import Any

from redis.exceptions import InvalidResponse, ResponseError

Command = tuple[bytes | str | int, ...]

_TEXT, _ERROR, _NUMBER, _BYTES, _LIST = b"+-:$*"
_END = b"\r\n"


def packed(commands: tuple[Command, ...]) -> bytes:
    """Commands as they are sent, one after the other."""
    parts = []
    for command in commands:
        parts.append(b"*%d\r\n" % len(command))
        for one in command:
            value = one if isinstance(one, bytes) else str(one).encode()
            parts += (b"$%d\r\n" % len(value), value, _END)
    return b"".join(parts)


class AnswerReader:
    """Cuts what Redis sends into answers: bytes, int, None, lists of them, and ResponseError, which is not raised."""

    def __init__(self) -> None:
        self._rest = bytearray()  # the beginning of a value
        self._needed = 0  # bytes of it, before it is worth a look
        self._open: list[tuple[list[Any], int]] = []  # lists that are not complete, the innermost last, and their sizes

    def feed(self, data: bytes) -> list[Any]:
        """The answers that are complete with these bytes. Raises InvalidResponse where it is no RESP2."""
        if self._rest:
            self._rest += data
            if len(self._rest) < self._needed:
                return []
            data = bytes(self._rest)
            self._rest.clear()
        answers: list[Any] = []
        place = self._needed = 0
        while (end := data.find(_END, place)) >= 0:
            after, size = end + 2, -1
            kind, text = data[place], data[place + 1 : end]
            value: Any = None
            if kind == _BYTES:
                if (size := _whole(text)) >= 0:
                    after += size + 2
                    if after > len(data):
                        self._needed = after - place
                        break
                    value = data[end + 2 : after - 2]
            elif kind == _LIST:
                if (size := _whole(text)) > 0:
                    self._open.append(([], size))
                    place = after
                    continue
                value = None if size < 0 else []
            elif kind == _NUMBER:
                value = _whole(text)
            elif kind == _TEXT:
                value = text
            elif kind == _ERROR:
                value = ResponseError(text.decode(errors="replace"))
            else:
                raise InvalidResponse(f"Redis answers with {bytes([kind])!r}, which is no RESP2")
            place = after
            self._add(value, answers)
        self._rest += data[place:]
        return answers

    def _add(self, value: Any, answers: list[Any]) -> None:
        """Put a complete value into its list, and that into its own where it is complete now."""
        while self._open:
            values, size = self._open[-1]
            values.append(value)
            if len(values) < size:
                return
            self._open.pop()
            value = values
        answers.append(value)


def _whole(text: bytes) -> int:
    try:
        return int(text)
    except ValueError:
        raise InvalidResponse("Redis answers with a number that is none") from None
