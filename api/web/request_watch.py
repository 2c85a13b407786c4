"""Each request: its trace, and how long it took."""

import time
from dataclasses import dataclass
from functools import cache

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.requests.spec import operations
from contracts.metrics.table import HTTP_SECONDS
from contracts.metrics.totals import Counts
from contracts.runtime import tracing
from contracts.runtime.steps import Kind, Step, step

_OPERATION = "web_detector.operation"
# Of requests for something else: the web UI, the documentation, unknown paths.
_NONE = "none"
_EVENTS = "text/event-stream"
# Probes and scrapes, which have other paths, are no steps of anything.
_RECORDED = "/api/"


@dataclass(slots=True)
class _Operation:
    """The operation of a request, when it is known."""

    id: str = _NONE


class RequestWatch:
    """ASGI middleware outside of all that answers: begins a span of the client's trace, says which in the answer's
    header `traceparent`, and counts the time until the answer's end, unless it is a stream of events. Each is a
    step, a stream of events and a WebSocket until they are closed."""

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

        above = tracing.named(Headers(scope=scope).get(tracing.HEADER))
        with tracing.within(above), step("", Kind.SERVER, begins=True) as request:
            traceparent = tracing.traceparent() or ""
            try:
                await self._app(scope, receive, watched)
            finally:
                _describe(request, operation.id, status)


def _describe(request: Step, operation: str, status: int) -> None:
    """Say what a request was, as OpenTelemetry's conventions want it. Not its path and query, which may be secret."""
    method, route = _routes().get(operation, ("", ""))
    if not route.startswith(_RECORDED):
        return
    request.name = f"{method} {route}"
    request.facts |= {"http.request.method": method, "http.route": route}
    request.note(operation=operation)
    if status:
        request.facts["http.response.status_code"] = status
    if status >= 500:
        request.error = str(status)


@cache
def _routes() -> dict[str, tuple[str, str]]:
    """Method and path of each operation."""
    return {content["operationId"]: (method.upper(), path) for path, method, content in operations()}


class NotedOperation:
    """ASGI middleware after the routing: tells RequestWatch the operation."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = scope.get("extensions", {}).get("connexion_routing", {}).get("operation_id")
        if found and isinstance(operation := scope.get(_OPERATION), _Operation):
            operation.id = str(found)
        await self._app(scope, receive, send)
