"""HTTP client for single requests over a guarded network, with readable errors."""

import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from http import HTTPStatus

import anyio
import httpcore2

from api.outbound.guarded_network import GuardedNetwork
from api.outbound.head_limit import HeadLimit
from contracts.errors import ImportFailed
from contracts.network.address_rules import ParsedUrl

Header = tuple[str, str]


class HttpClient:
    """Opens one connection per request. Does not follow redirects, and ignores proxies of the environment.

    connect_seconds: timeout of the lookup and of each connection attempt; idle_seconds: of waiting for the next byte;
    head_seconds: of all until the head of the answer is complete, whatever comes before it.
    tls: trusted certificates; by default those of the system, or of SSL_CERT_FILE or SSL_CERT_DIR.
    """

    def __init__(
        self,
        network: GuardedNetwork,
        connect_seconds: float,
        idle_seconds: float,
        head_seconds: float,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._network = network
        self._connect, self._idle, self._head = connect_seconds, idle_seconds, head_seconds
        self._tls = tls or httpcore2.default_ssl_context()

    @asynccontextmanager
    async def request(
        self, user: str, method: str, place: ParsedUrl, headers: Sequence[Header], body: bytes | None = None
    ) -> AsyncIterator[httpcore2.Response]:
        """The response to a request for a user, its body not yet read. Host and Connection are set here.

        Raises ImportRefused, ImportFailed.
        """
        scheme, host, target = (text.encode("ascii") for text in (place.scheme, place.host, place.target))
        url = httpcore2.URL(scheme=scheme, host=host, port=place.port, target=target)
        whole = [("Host", place.authority), ("User-Agent", "web-detector"), *headers, ("Connection", "close")]
        times = {"connect": self._connect, "read": self._idle, "write": self._idle}
        request = httpcore2.Request(method, url, headers=whole, content=body, extensions={"timeout": times})
        network = HeadLimit(self._network.of(user))
        async with httpcore2.AsyncHTTPConnection(url.origin, self._tls, network_backend=network) as connection:
            with self.translate_errors("the address does not respond like a web server"):
                answer = await self._head_of(connection, request)
            network.head_ended = True
            async with aclosing(answer):
                yield answer

    async def _head_of(
        self, connection: httpcore2.AsyncHTTPConnection, request: httpcore2.Request
    ) -> httpcore2.Response:
        with anyio.move_on_after(self._head):
            return await connection.handle_async_request(request)
        raise ImportFailed(f"the address gave no answer within {self._head:g} s")

    @contextmanager
    def translate_errors(self, broken: str) -> Iterator[None]:
        """Raise errors of the HTTP library as ImportFailed. broken: the message for a broken connection."""
        try:
            yield
        except httpcore2.ConnectTimeout as error:
            raise ImportFailed(
                f"the address cannot be reached: connection timed out after {self._connect:g} s"
            ) from error
        except httpcore2.TimeoutException as error:
            raise ImportFailed(f"the address sent nothing for {self._idle:g} s") from error
        except httpcore2.ConnectError as error:
            raise ImportFailed(_connect_error(error.__cause__)) from error
        except (httpcore2.NetworkError, httpcore2.ProtocolError, ssl.SSLError) as error:
            raise ImportFailed(broken) from error


def status_text(status: int) -> str:
    """A status code with its phrase, if it has one."""
    try:
        return f"{status} ({HTTPStatus(status).phrase})"
    except ValueError:
        return str(status)


def _connect_error(cause: BaseException | None) -> str:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"the certificate of the address is not trusted: {cause.verify_message}"
    if isinstance(cause, ssl.SSLError):
        return "the address does not support TLS, which https needs"
    return "the address cannot be reached: no connection"
