"""One GET of a camera's address: authentication, redirects, and what kind of answer comes."""

import asyncio
from dataclasses import dataclass

from contracts.live.streams import Reason
from contracts.network.address_rules import Network
from contracts.network.camera_address import CameraAddress
from ingest.sources.http.body import Body
from ingest.sources.network.address import redirected
from ingest.sources.network.connection import Connection
from ingest.sources.network.head import HEAD_MAX_BYTES, BadHead, Head, split_head
from ingest.sources.network.login import Login
from ingest.sources.network.pinned import connect
from ingest.sources.port import SourceFailed

HEAD_SECONDS = 5.0
_REDIRECTS = 3
_TRIES = 3  # without a login, with one, and with a new nonce
_OK, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND = 200, 401, 403, 404
_MOVED = (301, 302, 303, 307, 308)


@dataclass(slots=True)
class Answer:
    """An answer 200, whose body is not read yet."""

    connection: Connection
    head: Head
    body: Body


async def get(place: CameraAddress, networks: tuple[Network, ...]) -> Answer:
    """The answer to a request, after at most three redirects, each to a checked address. Raises SourceFailed."""
    for _ in range(_REDIRECTS + 1):
        answer = await _authorized(place, networks)
        status = answer.head.status
        if status == _OK:
            return answer
        await answer.connection.close()
        if status not in _MOVED or not answer.head.get("location"):
            raise _refused(status)
        place = redirected(place, answer.head.get("location"))
    raise SourceFailed(
        Reason.NOT_A_STREAM, f"the address redirects more than {_REDIRECTS} times: give the last one", permanent=True
    )


async def _authorized(place: CameraAddress, networks: tuple[Network, ...]) -> Answer:
    """The answer after a login, where one is asked for. A connection per request: cameras close it after 401."""
    login = Login(place.user, place.password)
    for _ in range(_TRIES):
        answer = await _asked(place, networks, login.header("GET", place.target))
        if answer.head.status != _UNAUTHORIZED or not login.learn(answer.head.all("www-authenticate")):
            break
        await answer.connection.close()
    if answer.head.status in (_UNAUTHORIZED, _FORBIDDEN):
        await answer.connection.close()
        raise SourceFailed(
            Reason.UNAUTHORIZED,
            f"the camera refuses user name and password ({answer.head.status}): check them, and enter the address with "
            "them again",
            permanent=True,
        )
    return answer


async def _asked(place: CameraAddress, networks: tuple[Network, ...], authorization: str | None) -> Answer:
    connection = await connect(place, networks)
    fields = {"Host": place.authority, "User-Agent": "web-detector", "Accept": "*/*", "Connection": "close"}
    if authorization is not None:
        fields["Authorization"] = authorization
    lines = [f"GET {place.target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    connection.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    try:
        async with asyncio.timeout(HEAD_SECONDS):
            head, rest = await _head(connection)
        return Answer(connection, head, Body(connection, head, rest))
    except BaseException as error:
        await connection.close()
        if isinstance(error, TimeoutError):
            raise SourceFailed(
                Reason.UNREACHABLE, f"the address sent no answer that is complete within {HEAD_SECONDS:g} s"
            ) from None
        if isinstance(error, BadHead):
            raise SourceFailed(
                Reason.NOT_A_STREAM, "the address does not answer as a web server: check its port, or use rtsp://"
            ) from None
        raise


async def _head(connection: Connection) -> tuple[Head, bytes]:
    """The head of the final answer, and what came behind it. Raises BadHead, SourceFailed."""
    data, seen = bytearray(), 0
    while True:
        while (found := split_head(data)) is None:
            piece = await connection.read()
            if not piece:
                raise SourceFailed(Reason.LOST, "the address closed the connection before it answered")
            data += piece
            seen += len(piece)
        head, size = found
        del data[:size]
        if head.status >= _OK:
            return head, bytes(data)
        if seen > HEAD_MAX_BYTES:  # of interim answers
            raise BadHead


def _refused(status: int) -> SourceFailed:
    if status == _NOT_FOUND:
        return SourceFailed(Reason.NOT_A_STREAM, "the camera has no stream of this path (404): check the address")
    return SourceFailed(Reason.UNREACHABLE, f"the camera answers with the status {status}")
