"""Each request: its trace, and how long it took."""

import time
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from contracts.metrics.table import HTTP_SECONDS
from contracts.metrics.totals import Counts
from contracts.runtime import tracing

_OPERATION = "web_detector.operation"
# Of requests for something else: the web UI, the documentation, unknown paths.
_NONE = "none"
_EVENTS = "text/event-stream"


@dataclass(slots=True)
class _Operation:
    """The operation of a request, when it is known."""

    id: str = _NONE


class RequestWatch:
    """ASGI middleware outside of all that answers: begins a span of the client's trace, says which in the answer's
    header `traceparent`, and counts the time until the answer's end, unless it is a stream of events."""

    def __init__(self, app: ASGIApp, counts: Counts) -> None:
        self._app, self._counts = app, counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        began, operation, status, is_counted = time.monotonic(), _Operation(), 0, scope["type"] == "http"
        scope[_OPERATION] = operation

        async def watched(message: Message) -> None:
            nonlocal status, is_counted
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers[tracing.HEADER] = traceparent
                is_counted = is_counted and not headers.get("content-type", "").startswith(_EVENTS)
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body") and is_counted:
                self._counts.add(HTTP_SECONDS, time.monotonic() - began, operation.id, f"{status // 100}xx")

        with tracing.following(Headers(scope=scope).get(tracing.HEADER)) as span:
            traceparent = span.traceparent
            await self._app(scope, receive, watched)


class NotedOperation:
    """ASGI middleware after the routing: tells RequestWatch the operation."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = scope.get("extensions", {}).get("connexion_routing", {}).get("operation_id")
        if found and isinstance(operation := scope.get(_OPERATION), _Operation):
            operation.id = str(found)
        await self._app(scope, receive, send)
