"""The WebSocket of one viewer of a stream."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Annotated

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.live.hub import LiveHub, Viewer
from api.live.messages import Result
from api.live.outbox import Ending, Outbox
from api.requests.json_document import NOT_JSON
from api.web.websockets import ERRORS, GOING_AWAY, WebSocket
from contracts.errors import NotFound, Unavailable

# A viewer that takes nothing for so long is closed.
STALLED_SECONDS = 20
# For Redis to answer.
_BEGIN_SECONDS = 5
_MESSAGES, _IN_SECONDS = 20, 10
_STALLED = Ending(408, "viewer_stalled", f"nothing was read for {STALLED_SECONDS} s: connect again")
_TOO_MANY = Ending(
    429, "too_many_requests", f"more than {_MESSAGES} messages in {_IN_SECONDS} s: send one when something changes"
)
_MALFORMED = Ending(
    400,
    "malformed_request",
    'send {"type": "start", "media": true, "results": true, "after_ms": null, "scenes": [], "dwell": null} only',
)
_MOST_SCENES = 4

# The results of a stream that are newer than a time in ms, oldest first; some of them, none after the newest.
ResultsAfter = Callable[[float], Awaitable[Sequence[Result]]]


class _Start(msgspec.Struct, tag_field="type", tag="start", forbid_unknown_fields=True):
    media: bool = True
    results: bool = True
    after_ms: float | None = None
    scenes: Annotated[tuple[str, ...], msgspec.Meta(max_length=_MOST_SCENES)] = ()
    dwell: Annotated[float, msgspec.Meta(ge=0, le=1_000_000)] | None = None


# Begins to offer a viewer the events at some scenes, and ends to offer those at others. Raises NotFound.
WatchScenes = Callable[[Outbox, Sequence[str], float | None], Awaitable[None]]


async def no_scenes(outbox: Outbox, scenes: Sequence[str], dwell: float | None) -> None:
    """Offer no events."""


class ViewerSocket(Response):
    """The response to the handshake of a viewer that the hub has added."""

    def __init__(
        self,
        hub: LiveHub,
        viewer: Viewer,
        socket: WebSocket,
        hello: str,
        results_after: ResultsAfter,
        watch_scenes: WatchScenes = no_scenes,
    ) -> None:
        super().__init__()
        self._hub, self._viewer, self._socket, self._hello = hub, viewer, socket, hello
        self._results_after, self._watch_scenes = results_after, watch_scenes
        self._outbox = viewer.outbox
        self._resumes_after: float | None = None
        self._waits = False  # `_write` has nothing in hand
        self._sent_until: float | None = None  # results that were sent twice are left out up to this time

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            with suppress(OSError):  # the client has left
                await self._run()
        finally:
            self._hub.remove(self._viewer)
            await self._watch_scenes(self._outbox, (), None)

    async def _run(self) -> None:
        await self._socket.accept()
        self._outbox.offer_newest("hello", self._hello)
        self._outbox.on_offer = self._send_now
        reading, writing = asyncio.create_task(self._read()), asyncio.create_task(self._write())
        try:
            await asyncio.wait((reading, writing), return_when=asyncio.FIRST_COMPLETED)
            ending = writing.result() if writing.done() else reading.result()
        finally:
            for task in (reading, writing):
                task.cancel()
            await asyncio.gather(reading, writing, return_exceptions=True)
        if ending is not None:
            await self._end(ending)

    async def _end(self, ending: Ending) -> None:
        if ending.status is None:
            await self._socket.close(GOING_AWAY)
        elif ending is _STALLED:  # would not read the reason either
            await self._socket.close(ERRORS + ending.status, ending.code)
        else:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._socket.fail(ending.status, ending.code, ending.detail), STALLED_SECONDS)

    async def _read(self) -> Ending | None:
        """What the client says. None when it has left."""
        times: deque[float] = deque(maxlen=_MESSAGES)
        while (message := await self._socket.receive()) is not None:
            if len(times) == _MESSAGES and time.monotonic() - times[0] < _IN_SECONDS:
                return _TOO_MANY
            times.append(time.monotonic())
            try:
                start = msgspec.json.decode(message, type=_Start)
            except NOT_JSON:
                return _MALFORMED
            try:
                await self._watch_scenes(self._outbox, start.scenes, start.dwell)
            except NotFound as error:
                return Ending(404, error.code, error.detail)
            self._resumes_after = start.after_ms if start.results else None
            self._hub.want(self._viewer, media=start.media, results=start.results and self._resumes_after is None)
        return None

    async def _write(self) -> Ending:
        """Send until the socket is to end."""
        try:
            while self._outbox.ending is None:
                if not self._outbox.is_empty:
                    await self._send(self._outbox.take())
                elif self._resumes_after is not None:
                    await self._resume(self._resumes_after)
                else:
                    self._waits = True
                    await self._outbox.wait()
                    self._waits = False
        except TimeoutError:
            return _STALLED
        return self._outbox.ending

    async def _resume(self, after_ms: float) -> None:
        """Send some of the results that the client has missed; after the last of them it gets new ones."""
        missed = await self._results_after(after_ms)
        if not missed:
            try:
                async with asyncio.timeout(_BEGIN_SECONDS):
                    await self._hub.begin_results(self._viewer)
            except TimeoutError:
                raise Unavailable("Redis is not available: connect again in a moment") from None
            missed = await self._results_after(after_ms)  # those that came before it began
            self._sent_until = missed[-1].time_ms if missed else None
        for one in missed:
            await self._send(one.message)
        if self._resumes_after == after_ms:  # no other start since
            self._resumes_after = None if self._outbox.wants_results else missed[-1].time_ms

    def _send_now(self) -> None:
        """Send what waits while the client reads as fast as it comes; else `_write` does."""
        outbox = self._outbox
        while self._waits and not outbox.is_empty and self._socket.is_ready:
            if (message := self._wanted(outbox.take())) is not None:
                self._socket.send_now(message)

    async def _send(self, one: str | bytes | Result) -> None:
        """Raises TimeoutError for a client that does not read."""
        if (message := self._wanted(one)) is not None:
            async with asyncio.timeout(STALLED_SECONDS):
                await self._socket.send(message)

    def _wanted(self, one: str | bytes | Result) -> str | bytes | None:
        """The message; None for a result that was sent before."""
        if not isinstance(one, Result):
            return one
        if self._sent_until is not None and one.time_ms <= self._sent_until:
            return None
        self._sent_until = None
        return one.message
