"""One request to a web address, over a network that says itself where it may go, and its errors in words."""

import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from http import HTTPStatus

import httpcore

from api.outbound.address_rules import ParsedUrl
from contracts.errors import ImportFailed

Header = tuple[str, str]


class HttpClient:
    """Asks web servers, each over a connection of its own. Redirects are not followed, and proxies of the
    environment not used.

    connect_seconds: limit on the look-up and on each attempt to connect; idle_seconds: on waiting for the next byte.
    tls: whom to trust; as it comes the authorities of the system, of SSL_CERT_FILE, and of certifi.
    """

    def __init__(
        self,
        network: httpcore.AsyncNetworkBackend,
        connect_seconds: float,
        idle_seconds: float,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._network = network
        self._connect, self._idle = connect_seconds, idle_seconds
        self._tls = tls or httpcore.default_ssl_context()

    @asynccontextmanager
    async def ask(
        self, method: str, place: ParsedUrl, headers: Sequence[Header], body: bytes | None = None
    ) -> AsyncIterator[httpcore.Response]:
        """The answer, whose body has not been read. Host and Connection are not for the caller to name.

        Raises ImportRefused, ImportFailed.
        """
        scheme, host, target = (text.encode("ascii") for text in (place.scheme, place.host, place.target))
        url = httpcore.URL(scheme=scheme, host=host, port=place.port, target=target)
        whole = [("Host", place.authority), ("User-Agent", "web-detector"), *headers, ("Connection", "close")]
        times = {"connect": self._connect, "read": self._idle, "write": self._idle}
        request = httpcore.Request(method, url, headers=whole, content=body, extensions={"timeout": times})
        async with httpcore.AsyncHTTPConnection(url.origin, self._tls, network_backend=self._network) as connection:
            with self.in_words("the address does not answer as a web server does"):
                answer = await connection.handle_async_request(request)
            async with aclosing(answer):
                yield answer

    @contextmanager
    def in_words(self, broken: str) -> Iterator[None]:
        """The client library's errors as the project's; broken: what a connection that ends is called."""
        try:
            yield
        except httpcore.ConnectTimeout as error:
            raise ImportFailed(f"the address cannot be reached: no connection within {self._connect:g} s") from error
        except httpcore.TimeoutException as error:
            raise ImportFailed(f"the address sent nothing for {self._idle:g} s") from error
        except httpcore.ConnectError as error:
            raise ImportFailed(_unconnected(error.__cause__)) from error
        except (httpcore.NetworkError, httpcore.ProtocolError, ssl.SSLError) as error:
            raise ImportFailed(broken) from error


def status_text(status: int) -> str:
    """A status with its name, where it has one."""
    try:
        return f"{status} ({HTTPStatus(status).phrase})"
    except ValueError:
        return str(status)


def _unconnected(cause: BaseException | None) -> str:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"the certificate of the address is not trusted: {cause.verify_message}"
    if isinstance(cause, ssl.SSLError):
        return "the address does not speak TLS as is needed for https"
    return "the address cannot be reached: no connection"
