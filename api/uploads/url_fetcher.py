"""Downloads a file from a URL: redirects, media type, limits of size and time."""

import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus

import anyio
import httpcore2
from anyio.lowlevel import checkpoint

from api.outbound.guarded_network import GuardedNetwork
from api.outbound.http_client import HttpClient, status_text
from api.requests.size_limit import SizeLimit
from contracts.errors import ImportFailed, VideoRefused
from contracts.network.address_rules import ParsedUrl, parse, redirected

_REDIRECTS_MAX = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_CONNECT_SECONDS = 10
_IDLE_SECONDS = 30
_HEAD_SECONDS = 60
_HEADERS = (("Accept", "*/*"), ("Accept-Encoding", "identity"))
_UNKNOWN_TYPE = "application/octet-stream"
_VIDEO_TYPES = re.compile(r"(video|image)/[\w.+-]+|(application|binary)/octet-stream|application/(mp4|ogg)", re.ASCII)
_TYPE = re.compile(r"[\w.+-]{1,60}/[\w.+-]{1,60}", re.ASCII)

Write = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Fetched:
    """Metadata of a downloaded file: display name and media type."""

    name: str | None
    content_type: str


class Fetcher:
    """Downloads files over a guarded network.

    seconds: timeout of one file. tls: as in HttpClient.
    """

    def __init__(self, network: GuardedNetwork, seconds: float, tls: ssl.SSLContext | None = None) -> None:
        self._web = HttpClient(network, _CONNECT_SECONDS, _IDLE_SECONDS, _HEAD_SECONDS, tls)
        self._seconds = seconds

    async def fetch(self, user: str, url: str, limit: SizeLimit, write: Write) -> Fetched:
        """Download a file for a user and pass its bytes, at most `limit`, to `write`.

        Raises ImportRefused, ImportFailed, VideoRefused, UploadTooLarge.
        """
        with anyio.move_on_after(self._seconds):
            return await self._follow(user, parse(url), limit, write)
        raise ImportFailed(f"the download took longer than {self._seconds:g} s (IMPORT_TIMEOUT_SECONDS)")

    async def _follow(self, user: str, place: ParsedUrl, limit: SizeLimit, write: Write) -> Fetched:
        for _ in range(_REDIRECTS_MAX + 1):
            async with self._web.request(user, "GET", place, _HEADERS) as answer:
                location = _header(answer, b"location")
                if answer.status not in _REDIRECTS or not location:
                    return await self._take(place, answer, limit, write)
            place = redirected(place, location)
        raise ImportFailed(f"the address redirects more than {_REDIRECTS_MAX} times")

    async def _take(self, place: ParsedUrl, answer: httpcore2.Response, limit: SizeLimit, write: Write) -> Fetched:
        if answer.status != HTTPStatus.OK:
            raise ImportFailed(f"the address answered {status_text(answer.status)}")
        told = _header(answer, b"content-type")
        kind = told.partition(";")[0].strip().lower() or _UNKNOWN_TYPE
        if not _VIDEO_TYPES.fullmatch(kind):
            shown = kind if _TYPE.fullmatch(kind) else "an unknown type"
            what = "a web page" if kind in ("text/html", "application/xhtml+xml") else "something else"
            raise VideoRefused(
                f"the address answered {what} ({shown}), not a video: give the address of the file itself"
            )
        if _header(answer, b"content-encoding").lower() not in ("", "identity"):
            # A small compressed body can expand to a huge one, and Content-Length would be that of the compressed body.
            raise ImportFailed("the address sent a compressed body, which was not requested")
        length = _header(answer, b"content-length")
        if length.isdigit() and int(length) > limit.bytes:
            raise limit.refusal()
        async for piece in self._pieces(answer):
            await write(piece)
        return Fetched(place.name, told or _UNKNOWN_TYPE)

    async def _pieces(self, answer: httpcore2.Response) -> AsyncIterator[bytes]:
        """The body. A body shorter than its Content-Length is an error."""
        with self._web.translate_errors("the connection was closed before the end of the file"):
            async for piece in answer.aiter_stream():
                yield piece
                await checkpoint()  # others run between the pieces of one read, of which there may be thousands


def _header(answer: httpcore2.Response, name: bytes) -> str:
    return next((value.decode("utf-8", "replace").strip() for key, value in answer.headers if key.lower() == name), "")
