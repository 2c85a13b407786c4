"""Import by URL: the document that asks for it, how many run at once, and a client that may go away."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import msgspec
from anyio import create_task_group
from starlette.requests import Request

from api.requests.multipart_form import Form
from api.uploads.upload_writer import body
from api.uploads.url_fetcher import Fetcher
from contracts.errors import (
    ImportsOff,
    InvalidInput,
    Malformed,
    TooManyImports,
    UploadIncomplete,
    UploadTooLarge,
    WebDetectorError,
)

_DOCUMENT_MAX_BYTES = 64 * 1024
T = TypeVar("T")


class ImportRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of an import, as the spec has it."""

    url: str
    name: str | None = None
    recorded_at: str | None = None
    source: str | None = None
    tags: list[str] = []

    def form(self) -> Form:
        """The facts as a form has them."""
        if any("," in tag for tag in self.tags):
            raise InvalidInput("a tag has a comma: give each tag as an item of its own")
        tags = ",".join(self.tags) if self.tags else None
        facts = {"name": self.name, "recorded_at": self.recorded_at, "source": self.source, "tags": tags}
        return Form(fields={name: value for name, value in facts.items() if value is not None})


class Imports:
    """The fetcher, and how many may use it at once in this process."""

    def __init__(self, fetcher: Fetcher, most: int) -> None:
        self.fetcher = fetcher
        self._most = most
        self._running = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """Be one of those that run. Raises ImportsOff, TooManyImports."""
        if not self._most:
            raise ImportsOff("this service imports nothing by url (IMPORT_CONCURRENCY is 0): upload the file")
        if self._running >= self._most:
            raise TooManyImports(f"{self._most} imports run already, as many as may at once: try again later")
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1


def is_document(content_type: str) -> bool:
    """Whether a body of this type is the document of an import."""
    return content_type.partition(";")[0].strip().lower() == "application/json"


async def read_document(request: Request) -> ImportRequest:
    """What the client asks for. Raises InvalidInput, Malformed, UploadTooLarge, UploadIncomplete."""
    document = bytearray()
    async for piece in body(request):
        document += piece
        if len(document) > _DOCUMENT_MAX_BYTES:
            raise UploadTooLarge(f"the document of an import has at most {_DOCUMENT_MAX_BYTES} bytes")
    try:
        return msgspec.json.decode(bytes(document), type=ImportRequest)
    except msgspec.ValidationError as error:
        known = ", ".join(ImportRequest.__struct_fields__)
        raise InvalidInput(f"the body: {error}; known fields are: {known}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed("the body is not JSON in UTF-8") from error


async def cancel_on_disconnect(request: Request, work: Callable[[], Awaitable[T]]) -> T:
    """Do the work as long as the client waits for its result. Its body must have been read.

    Raises UploadIncomplete when the client goes away.
    """
    outcome: list[T] = []
    failure: WebDetectorError = UploadIncomplete("the client went away before the import ended")

    async def watch() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        group.cancel_scope.cancel()

    async with create_task_group() as group:
        group.start_soon(watch)
        try:
            outcome.append(await work())
        except WebDetectorError as error:  # as it is: the group would wrap it
            failure = error
        group.cancel_scope.cancel()
    if outcome:
        return outcome[0]
    raise failure
