"""A file from a web address: redirects, type, length and time limits, and its bytes as they come."""

import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from http import HTTPStatus

import anyio
import httpcore

from api.addresses import Place, parse, redirected
from api.intake import SizeLimit
from contracts.errors import ImportFailed, VideoRefused

_REDIRECTS_MAX = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_CONNECT_SECONDS = 10
_IDLE_SECONDS = 30
_TIMES = {"connect": _CONNECT_SECONDS, "read": _IDLE_SECONDS, "write": _IDLE_SECONDS}
_HEADERS = (
    ("User-Agent", "web-detector"),
    ("Accept", "*/*"),
    ("Accept-Encoding", "identity"),
    ("Connection", "close"),
)
_UNKNOWN_TYPE = "application/octet-stream"
_VIDEO_TYPES = re.compile(r"(video|image)/[\w.+-]+|(application|binary)/octet-stream|application/(mp4|ogg)", re.ASCII)
_TYPE = re.compile(r"[\w.+-]{1,60}/[\w.+-]{1,60}", re.ASCII)

Write = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Fetched:
    """What the address said about its file: a name to display, and the media type."""

    name: str | None
    content_type: str


class Fetcher:
    """Fetches over a network that says itself where it may go.

    seconds: the limit on one file. tls: whom to trust; as it comes the authorities of the system, of
    SSL_CERT_FILE, and of certifi.
    """

    def __init__(
        self, network: httpcore.AsyncNetworkBackend, seconds: float, tls: ssl.SSLContext | None = None
    ) -> None:
        self._network = network
        self._seconds = seconds
        self._tls = tls or httpcore.default_ssl_context()

    async def fetch(self, url: str, limit: SizeLimit, write: Write) -> Fetched:
        """Hand the file's bytes, at most `limit`, to `write`. Proxies of the environment are not used.

        Raises ImportRefused, ImportFailed, VideoRefused, UploadTooLarge.
        """
        with anyio.move_on_after(self._seconds):
            return await self._follow(parse(url), limit, write)
        raise ImportFailed(f"the file did not come within {self._seconds:g} s (IMPORT_TIMEOUT_SECONDS)")

    async def _follow(self, place: Place, limit: SizeLimit, write: Write) -> Fetched:
        for _ in range(_REDIRECTS_MAX + 1):
            async with self._asked(place) as answer:
                location = _header(answer, b"location")
                if answer.status not in _REDIRECTS or not location:
                    return await _take(place, answer, limit, write)
            place = redirected(place, location)
        raise ImportFailed(f"the address redirects more than {_REDIRECTS_MAX} times")

    @asynccontextmanager
    async def _asked(self, place: Place) -> AsyncIterator[httpcore.Response]:
        scheme, host, target = (text.encode("ascii") for text in (place.scheme, place.host, place.target))
        url = httpcore.URL(scheme=scheme, host=host, port=place.port, target=target)
        headers = [("Host", place.authority), *_HEADERS]
        request = httpcore.Request("GET", url, headers=headers, extensions={"timeout": _TIMES})
        async with httpcore.AsyncHTTPConnection(url.origin, self._tls, network_backend=self._network) as connection:
            with _in_words("the address does not answer as a web server does"):
                answer = await connection.handle_async_request(request)
            async with aclosing(answer):
                yield answer


async def _take(place: Place, answer: httpcore.Response, limit: SizeLimit, write: Write) -> Fetched:
    if answer.status != HTTPStatus.OK:
        raise ImportFailed(f"the address answered {_status(answer.status)}")
    told = _header(answer, b"content-type")
    kind = told.partition(";")[0].strip().lower() or _UNKNOWN_TYPE
    if not _VIDEO_TYPES.fullmatch(kind):
        shown = kind if _TYPE.fullmatch(kind) else "an unknown type"
        what = "a web page" if kind in ("text/html", "application/xhtml+xml") else "something else"
        raise VideoRefused(f"the address answered {what} ({shown}), not a video: give the address of the file itself")
    if _header(answer, b"content-encoding").lower() not in ("", "identity"):
        # A small packed body can hold a huge one, and the length that is told would be another's.
        raise ImportFailed("the address answered a compressed body, which was not asked for")
    length = _header(answer, b"content-length")
    if length.isdigit() and int(length) > limit.bytes:
        raise limit.refusal()
    async for piece in _pieces(answer):
        await write(piece)
    return Fetched(place.name, told or _UNKNOWN_TYPE)


async def _pieces(answer: httpcore.Response) -> AsyncIterator[bytes]:
    """The body. Less than the length that was told is an error of the protocol."""
    with _in_words("the connection ended before the file did"):
        async for piece in answer.aiter_stream():
            yield piece


def _header(answer: httpcore.Response, name: bytes) -> str:
    return next((value.decode("utf-8", "replace").strip() for key, value in answer.headers if key.lower() == name), "")


def _status(status: int) -> str:
    try:
        return f"{status} ({HTTPStatus(status).phrase})"
    except ValueError:
        return str(status)


@contextmanager
def _in_words(broken: str) -> Iterator[None]:
    """The client library's errors as the project's; broken: what a connection that ends is called."""
    try:
        yield
    except httpcore.ConnectTimeout as error:
        raise ImportFailed(f"the address cannot be reached: no connection within {_CONNECT_SECONDS} s") from error
    except httpcore.TimeoutException as error:
        raise ImportFailed(f"the address sent nothing for {_IDLE_SECONDS} s") from error
    except httpcore.ConnectError as error:
        raise ImportFailed(_unconnected(error.__cause__)) from error
    except (httpcore.NetworkError, httpcore.ProtocolError, ssl.SSLError) as error:
        raise ImportFailed(broken) from error


def _unconnected(cause: BaseException | None) -> str:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"the certificate of the address is not trusted: {cause.verify_message}"
    if isinstance(cause, ssl.SSLError):
        return "the address does not speak TLS as is needed for https"
    return "the address cannot be reached: no connection"
