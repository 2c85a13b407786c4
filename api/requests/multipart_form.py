"""Streaming multipart/form-data parser: small fields into memory, the file to a callback."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from python_multipart.multipart import MultipartParser, parse_options_header

from contracts.errors import Malformed

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks  # its own module lacks it at run time

# What a form may hold beside the file: fields, headers of parts, boundaries, and what comes before and after them.
BESIDE_FILE_MAX_BYTES = 1024 * 1024
_FIELD_MAX_BYTES = 256 * 1024
_FIELDS_MAX = 20

Write = Callable[[bytes], Awaitable[None]]


@dataclass(slots=True)
class Form:
    """The fields of a form. filename: from the client, for display only."""

    fields: dict[str, str] = field(default_factory=dict)
    filename: str | None = None
    content_type: str = "application/octet-stream"
    has_file: bool = False


@dataclass(slots=True)
class _Part:
    name: str = ""
    filename: str | None = None
    content_type: str = "application/octet-stream"
    data: bytearray = field(default_factory=bytearray)


async def read_form(content_type: str, stream: AsyncIterator[bytes], file_field: str, write: Write) -> Form:
    """Read a multipart/form-data body and stream the file field to `write`.

    Raises Malformed when the body is truncated, is not a form, has a field that is too long, or holds too much beside
    the file.
    """
    _, parameters = parse_options_header(content_type)
    boundary = parameters.get(b"boundary")
    if not boundary:
        raise Malformed("multipart/form-data without a boundary: let the client set the Content-Type")
    reader, beside = _Reader(file_field), 0
    try:
        parser = MultipartParser(boundary, reader.callbacks())
        async for piece in stream:
            parser.write(piece)
            beside += len(piece)
            for data in reader.take():
                beside -= len(data)
                await write(data)
            if beside > BESIDE_FILE_MAX_BYTES:
                raise Malformed(
                    f"the form has more than {BESIDE_FILE_MAX_BYTES} bytes beside the file in {file_field!r}: send less"
                )
        parser.finalize()
    except ValueError as error:  # includes the parser's own errors
        raise Malformed(f"the form is invalid: {error}") from error
    if not reader.ended:
        raise Malformed("the form is truncated, its last boundary is missing: send it again")
    return reader.form


class _Reader:
    """Collects the events of the push parser."""

    def __init__(self, file_field: str) -> None:
        self.form = Form()
        self.ended = False
        self._file_field = file_field
        self._part = _Part()
        self._header = [bytearray(), bytearray()]
        self._pending: list[bytes] = []

    def callbacks(self) -> "MultipartCallbacks":
        """The parser's callbacks."""
        return {
            "on_part_begin": self._part_begin,
            "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
            "on_header_end": self._header_end,
            "on_part_data": self._part_data,
            "on_part_end": self._part_end,
            "on_end": self._end,
        }

    def take(self) -> list[bytes]:
        """The file data since the last call."""
        pending, self._pending = self._pending, []
        return pending

    @property
    def _is_file(self) -> bool:
        return self._part.name == self._file_field

    def _part_begin(self) -> None:
        self._part = _Part()

    def _header_end(self) -> None:
        name, value = (bytes(item) for item in self._header)
        self._header = [bytearray(), bytearray()]
        if name.lower() == b"content-disposition":
            _, options = parse_options_header(value)
            self._part.name = options.get(b"name", b"").decode("utf-8", "replace")
            filename = options.get(b"filename")
            self._part.filename = filename.decode("utf-8", "replace") if filename else None
            if self._is_file and self.form.has_file:
                raise Malformed(f"the form has more than one file {self._file_field!r}: send one at a time")
        elif name.lower() == b"content-type":
            self._part.content_type = value.decode("latin-1")

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file:
            self._pending.append(data[start:end])
            return
        self._part.data.extend(data[start:end])
        if len(self._part.data) > _FIELD_MAX_BYTES:
            raise Malformed(f"the field {self._part.name!r} is too long; the file belongs in {self._file_field!r}")

    def _part_end(self) -> None:
        if self._is_file:
            self.form.has_file = True
            self.form.filename = self._part.filename
            self.form.content_type = self._part.content_type
        elif len(self.form.fields) >= _FIELDS_MAX:
            raise Malformed(f"the form has more than {_FIELDS_MAX} fields: send fewer")
        else:
            self.form.fields[self._part.name] = self._part.data.decode("utf-8", "replace")

    def _end(self) -> None:
        self.ended = True
