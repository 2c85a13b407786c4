"""What a form may hold beside its file."""

from collections.abc import AsyncIterator, Iterator
from itertools import repeat

import anyio
import pytest

from api.requests.multipart_form import BESIDE_FILE_MAX_BYTES, Form, read_form
from contracts.errors import Malformed

PIECE = 64 * 1024
PART = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n'
ENDLESS: dict[str, tuple[bytes, bytes]] = {
    "the same field again": (b"", PART % b"name" + b"x" * 1000 + b"\r\n"),
    "a header": (b"--b\r\nX-A: ", b"x" * 4096),
    "headers": (b"--b\r\n", b"X-A: x\r\n" * 100),
    "after the end": (PART % b"name" + b"x\r\n--b--\r\n", b"x" * 4096),
}


def read(pieces: Iterator[bytes]) -> tuple[Form, int, int]:
    """The form, the bytes that were read for it, and those of its file."""
    taken = file = 0

    async def stream() -> AsyncIterator[bytes]:
        nonlocal taken
        for piece in pieces:
            taken += len(piece)
            yield piece

    async def write(data: bytes) -> None:
        nonlocal file
        file += len(data)

    async def run() -> Form:
        try:
            return await read_form("multipart/form-data; boundary=b", stream(), "video", write)
        finally:
            assert taken - file <= BESIDE_FILE_MAX_BYTES + PIECE

    return anyio.run(run), taken, file


@pytest.mark.parametrize("kind", ENDLESS)
def test_a_form_without_a_file_is_not_read_without_end(kind: str) -> None:
    begin, again = ENDLESS[kind]

    def pieces() -> Iterator[bytes]:
        yield begin
        yield from repeat(again, 100_000)

    with pytest.raises(Malformed):
        read(pieces())


def test_a_file_does_not_count() -> None:
    def pieces() -> Iterator[bytes]:
        yield PART % b"name" + b"x\r\n" + PART % b"video"
        yield from repeat(b"v" * PIECE, 40)
        yield b"\r\n--b--\r\n"

    form, _, file = read(pieces())
    assert (form.fields, form.has_file, file) == ({"name": "x"}, True, 40 * PIECE)
