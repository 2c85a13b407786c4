"""Import by URL: the request body, the limit of concurrent imports, and cancelling when the client disconnects."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import msgspec
from anyio import create_task_group
from starlette.requests import Request

from api.outbound.shares import Shares
from api.requests.json_document import NOT_JSON
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
    """The request body of an import."""

    url: str
    name: str | None = None
    recorded_at: str | None = None
    source: str | None = None
    tags: list[str] = []
    fps: float | None = None

    def form(self) -> Form:
        """The metadata as form fields."""
        if any("," in tag for tag in self.tags):
            raise InvalidInput("a tag contains a comma: give each tag as a separate item")
        tags = ",".join(self.tags) if self.tags else None
        fps = None if self.fps is None else f"{self.fps:.9g}"
        metadata = {
            "name": self.name,
            "recorded_at": self.recorded_at,
            "source": self.source,
            "tags": tags,
            "fps": fps,
        }
        return Form(fields={name: value for name, value in metadata.items() if value is not None})


class Imports:
    """The fetcher, and the places for imports in this process, which users share."""

    def __init__(self, fetcher: Fetcher, most: int) -> None:
        self.fetcher = fetcher
        self._most = most
        self._shares = Shares(most)

    @contextmanager
    def slot(self, user: str) -> Iterator[None]:
        """Occupy one of the slots for a user. Raises ImportsOff, TooManyImports."""
        if not self._most:
            raise ImportsOff("imports by url are disabled here (IMPORT_CONCURRENCY is 0): upload the file instead")
        if not self._shares.take(user):
            raise TooManyImports(
                f"as many imports are running as you may have now, of {self._most} for all users: try again later"
            )
        try:
            yield
        finally:
            self._shares.give_back(user)


def is_document(content_type: str) -> bool:
    """Whether a body of this type is an import request."""
    return content_type.partition(";")[0].strip().lower() == "application/json"


async def read_document(request: Request) -> ImportRequest:
    """Read the body of an import. Raises InvalidInput, Malformed, UploadTooLarge, UploadIncomplete."""
    document = bytearray()
    async for piece in body(request):
        document += piece
        if len(document) > _DOCUMENT_MAX_BYTES:
            raise UploadTooLarge(
                f"the body of an import is larger than {_DOCUMENT_MAX_BYTES} bytes: send only the url and metadata"
            )
    try:
        return msgspec.json.decode(bytes(document), type=ImportRequest)
    except msgspec.ValidationError as error:
        known = ", ".join(ImportRequest.__struct_fields__)
        raise InvalidInput(f"the body: {error}; allowed fields are: {known}") from error
    except NOT_JSON as error:
        raise Malformed("the body is not JSON in UTF-8") from error


async def cancel_on_disconnect(request: Request, work: Callable[[], Awaitable[T]]) -> T:
    """Run the work, and cancel it when the client disconnects. The request body must have been read.

    Raises UploadIncomplete when the client disconnects.
    """
    outcome: list[T] = []
    failure: WebDetectorError = UploadIncomplete("the client disconnected before the import ended")

    async def watch() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        group.cancel_scope.cancel()

    async with create_task_group() as group:
        group.start_soon(watch)
        try:
            outcome.append(await work())
        except WebDetectorError as error:  # not from inside the task group, which would wrap it
            failure = error
        group.cancel_scope.cancel()
    if outcome:
        return outcome[0]
    raise failure
