"""Server-Sent Events: changes of jobs and renditions."""

import asyncio
import functools
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.context import context
from api.notify.event_hub import MARGIN, Change, Event, EventHub, Listener
from api.routes import job_changes
from api.web.answers import headers_only
from api.web.asgi_operations import asgi_operation
from contracts.coordination.deleted_jobs import RETENTION
from contracts.database.tables import utcnow

_PING_SECONDS = 15
_RETRY_MS = 2000
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # X-Accel-Buffering: keeps nginx from buffering


@asgi_operation()
async def events(request: Request, user: str) -> Response:
    """The events of all jobs of the user."""
    listener = Listener(user, credential(request), _resumed(request, utcnow()))
    return await _stream(request, listener, functools.partial(job_changes.all_active, user))


@asgi_operation()
async def job_events(request: Request, user: str) -> Response:
    """The events of one job, and of renditions of it and its video."""
    job = await run_sync(context.current().jobs.get, user, request.path_params["job_id"])
    listener = Listener(user, credential(request), _resumed(request, utcnow()), job.id, job.video_id)
    return await _stream(request, listener, functools.partial(job_changes.of_job, user, job_id=job.id))


async def _stream(request: Request, listener: Listener, read: Callable[[datetime], list[Change]]) -> Response:
    if request.method == "HEAD":
        return headers_only(_HEADERS, EventStream.media_type)
    hub = context.current().events
    hub.add(listener)
    try:
        now = utcnow()
        listener.offer(await run_sync(read, listener.time - MARGIN), now)
    except BaseException:
        hub.remove(listener)
        raise
    return EventStream(hub, listener)


class EventStream(Response):
    """The events of a listener, until it ends or the client disconnects."""

    media_type = "text/event-stream"

    def __init__(self, hub: EventHub, listener: Listener) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._hub = hub
        self._listener = listener

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        leaving = asyncio.create_task(self._end_with_client(receive))
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async for text in self._pieces():
                await send({"type": "http.response.body", "body": text, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            leaving.cancel()
            self._hub.remove(self._listener)

    async def _end_with_client(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._listener.end()

    async def _pieces(self) -> AsyncIterator[bytes]:
        listener = self._listener
        # With an id, so that a client that is disconnected before the first event can resume here.
        yield f"retry: {_RETRY_MS}\nid: {_id(listener.time)}\n\n".encode()
        while True:
            if taken := await self._hub.take(listener, _PING_SECONDS):
                # The last one has the id: a client that is disconnected before it has missed something.
                yield b"".join([*map(_event, taken[:-1]), f"id: {_id(listener.time)}\n".encode(), _event(taken[-1])])
            if listener.ended:
                return
            if not taken:
                yield b": ping\n\n"


def _event(event: Event) -> bytes:
    return f"event: {event.name}\ndata: ".encode() + event.data + b"\n\n"


def _id(time: datetime) -> int:
    """Milliseconds, as text that sorts."""
    return int(time.timestamp() * 1000)


def _resumed(request: Request, now: datetime) -> datetime:
    """The time of Last-Event-ID, now if there is none. At most as far back as deleted jobs are remembered."""
    last_id = request.headers.get("last-event-id", "")
    if not (last_id.isascii() and last_id.isdigit() and len(last_id) < 16):
        return now
    try:
        time = datetime.fromtimestamp(int(last_id) / 1000, UTC)
    except (ValueError, OverflowError):
        return now
    return min(max(time, now - RETENTION), now)


def credential(request: Request) -> str:
    """The id of the session or of the API token."""
    claims: dict[str, str] = request.scope["extensions"]["connexion_context"]["token_info"]
    return claims["tid"] if "tid" in claims else claims["sid"]
