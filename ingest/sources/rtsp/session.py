"""The RTSP dialogue on one connection: requests, their answers, authentication, and keeping the session alive."""

import asyncio
from collections import deque
from collections.abc import Callable

from contracts.live.streams import Reason
from contracts.network.camera_address import CameraAddress
from ingest.sources.network.connection import Connection
from ingest.sources.network.head import BadHead
from ingest.sources.network.login import Login
from ingest.sources.port import SourceFailed
from ingest.sources.rtsp.wire import Media, Message, Wire, request

ANSWER_SECONDS = 5.0
_DEFAULT_TIMEOUT = 60
_TRIES = 3  # of a request: without a login, with one, and with a new nonce
_UNAUTHORIZED, _FORBIDDEN = 401, 403
# Of media packets that wait, as those do that come before the answer to PLAY; the oldest go first.
_KEPT_BYTES = 4 * 1024**2
_PACKET_BYTES = 64  # of memory, beside its data


class Session:
    """Requests to the server of an address, one after the other; media packets that come meanwhile are kept."""

    def __init__(self, connection: Connection, place: CameraAddress) -> None:
        self._connection = connection
        self._login = Login(place.user, place.password)
        self._wire = Wire()
        self._number = 0
        self._id = ""
        self._timer: asyncio.TimerHandle | None = None
        self._again: Callable[[], object] = lambda: None  # sends what keeps the session alive
        self.media: deque[Media] = deque()
        self._kept_bytes = 0  # at most: those that were taken since the last read count too

    async def ask(self, method: str, uri: str, **fields: str) -> Message:
        """The answer to a request, whatever its status but 401 and 403. fields: by their names with _ for -.

        Raises SourceFailed.
        """
        for _ in range(_TRIES):
            self._send(method, uri, fields)
            answer = await self._answer()
            if answer.head.status != _UNAUTHORIZED:
                self._login.accepted()
                break
            if not self._login.learn(answer.head.all("www-authenticate")):
                break
        if answer.head.status in (_UNAUTHORIZED, _FORBIDDEN):
            raise SourceFailed(
                Reason.UNAUTHORIZED,
                f"the camera refuses user name and password ({answer.head.status}): check them, and enter the address "
                "with them again",
                permanent=True,
            )
        self._id = answer.head.get("session").partition(";")[0].strip() or self._id
        return answer

    def keep_alive(self, method: str, uri: str, timeout: str) -> None:
        """Send a request again and again until `end`. timeout: the value of Session."""
        _, _, text = timeout.lower().partition("timeout=")
        digits = text.partition(";")[0].strip()
        seconds = int(digits) if digits.isdecimal() and len(digits) < 6 and int(digits) else _DEFAULT_TIMEOUT

        loop = asyncio.get_running_loop()

        def on_time() -> None:
            self._timer = loop.call_later(max(1.0, seconds / 2), on_time)
            self._again()

        self._again = lambda: self._send(method, uri, {})
        self._timer = loop.call_later(max(1.0, seconds / 2), on_time)

    async def receive(self) -> None:
        """Wait for bytes, and keep the media packets in them. To be called when those before were taken. Raises
        SourceFailed."""
        self._kept_bytes = 0
        for message in self._taken(await self._connection.read()):
            self._learn_nonce(message)

    async def end(self, uri: str) -> None:
        """Say goodbye where there is a session, and do not wait for an answer."""
        if self._timer is not None:
            self._timer.cancel()
        if self._id:
            self._send("TEARDOWN", uri, {})
        await self._connection.close()

    def _send(self, method: str, uri: str, fields: dict[str, str]) -> None:
        self._number += 1
        whole = {name.replace("_", "-"): value for name, value in fields.items()}
        if self._id:
            whole["Session"] = self._id
        if (authorization := self._login.header(method, uri)) is not None:
            whole["Authorization"] = authorization
        self._connection.write(request(method, uri, self._number, whole))

    async def _answer(self) -> Message:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                while True:
                    for message in self._taken(await self._connection.read()):
                        if message.head.start.startswith("RTSP/"):
                            return message
        except TimeoutError:
            raise SourceFailed(
                Reason.UNREACHABLE, f"the address did not answer within {ANSWER_SECONDS:g} s as a camera does"
            ) from None

    def _taken(self, data: bytes) -> list[Message]:
        if not data:
            raise SourceFailed(Reason.LOST, "the camera closed the connection")
        messages = []
        try:
            for item in self._wire.feed(data):
                if isinstance(item, Message):
                    messages.append(item)
                else:
                    self._keep(item)
        except BadHead:
            raise SourceFailed(
                Reason.NOT_A_STREAM, "the address does not speak RTSP: check its port, or use http:// for this camera"
            ) from None
        return messages

    def _keep(self, item: Media) -> None:
        self.media.append(item)
        self._kept_bytes += _PACKET_BYTES + len(item[1])
        while self._kept_bytes > _KEPT_BYTES:
            self._kept_bytes -= _PACKET_BYTES + len(self.media.popleft()[1])

    def _learn_nonce(self, message: Message) -> None:
        """Of an answer to a request that keeps the session alive, whose nonce may be too old by now."""
        if not message.head.start.startswith("RTSP/"):  # a request of the server
            return
        if message.head.status != _UNAUTHORIZED:
            self._login.accepted()
        elif self._login.learn(message.head.all("www-authenticate")):
            self._again()
