"""Server-Sent Events: changes of jobs and renditions."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.context import context
from api.notify.event_hub import MARGIN, Change, EventHub, Listener
from api.routes import job_changes
from api.web.asgi_operations import asgi_operation
from contracts.coordination.deleted_jobs import RETENTION
from contracts.database.tables import utcnow

_PING_SECONDS = 15
_RETRY_MS = 2000
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # X-Accel-Buffering: keeps nginx from buffering


@asgi_operation()
async def events(request: Request, user: str) -> Response:
    """The events of all jobs of the user."""
    return await _stream(request, Listener(user, _credential(request)))


@asgi_operation()
async def job_events(request: Request, user: str) -> Response:
    """The events of one job, and of renditions of it and its video."""
    services = context.current()
    job = await run_sync(services.jobs.get, user, request.path_params["job_id"])
    return await _stream(request, Listener(user, _credential(request), job.id, job.video_id), job.id)


async def _stream(request: Request, listener: Listener, job_id: str | None = None) -> Response:
    hub = context.current().events
    hub.add(listener)
    try:
        now = utcnow()
        since = _resumed(request.headers.get("last-event-id", ""), now) - MARGIN
        listener.offer(await run_sync(job_changes.read, [listener.user], since, job_id), now)
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
            taken = await listener.take(_PING_SECONDS)
            if taken:
                yield b"".join(_event(change, listener.time) for change in taken)
            if listener.ended:
                return
            if not taken:
                yield b": ping\n\n"


def _event(change: Change, time: datetime) -> bytes:
    return f"id: {_id(time)}\nevent: {change.event}\ndata: ".encode() + change.data + b"\n\n"


def _id(time: datetime) -> int:
    """Milliseconds, as text that sorts."""
    return int(time.timestamp() * 1000)


def _resumed(last_id: str, now: datetime) -> datetime:
    """The time of Last-Event-ID, now if there is none. At most as far back as deleted jobs are remembered."""
    if not (last_id.isascii() and last_id.isdigit() and len(last_id) < 16):
        return now
    try:
        time = datetime.fromtimestamp(int(last_id) / 1000, UTC)
    except (ValueError, OverflowError):
        return now
    return min(max(time, now - RETENTION), now)


def _credential(request: Request) -> str:
    """The id of the session or of the API token."""
    claims: dict[str, str] = request.scope["extensions"]["connexion_context"]["token_info"]
    return claims["tid"] if "tid" in claims else claims["sid"]
