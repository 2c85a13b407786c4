"""ASGI operations: in the spec, routed, authenticated and validated like the others, but answered by ASGI code,
because Connexion would read their request bodies into memory and Flask would hold a thread for each response."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from contracts.errors import NotFound, UnsupportedMediaType, UploadTooLarge

# Called with the request and the id of the user ("" where the operation needs no token).
Operation = Callable[[Request, str], Awaitable[Response]]
T = TypeVar("T", bound=Operation)

# Everything that is not an upload is a small JSON document.
_BODY_MAX_BYTES = 1024 * 1024
_OVERRIDE_PATHS = "/api/v1/uploads/"
_OVERRIDES = frozenset({"PATCH", "DELETE", "HEAD"})

# By operationId, which is the dotted name of the function.
_validated: dict[str, Operation] = {}
_unvalidated: dict[str, Operation] = {}


def asgi_operation(*, validated: bool = True) -> Callable[[T], T]:
    """Register a function as the ASGI operation whose operationId is its dotted name.

    validated: run it after Connexion's validation of parameters and body, which reads the body into memory. Set it
    to False for operations that stream a large body or define their own error responses.
    """

    def register(operation: T) -> T:
        registry = _validated if validated else _unvalidated
        registry[f"{operation.__module__}.{operation.__qualname__}"] = operation
        return operation

    return register


def registered() -> frozenset[str]:
    """The operationIds of all registered ASGI operations."""
    return frozenset(_validated | _unvalidated)


def json_response(content: Any, status: int = 200, **headers: str) -> Response:
    """A JSON document as the response of an ASGI operation."""
    return Response(msgspec.json.encode(content), status, headers, media_type="application/json")


class AsgiOperations:
    """ASGI middleware that answers the registered operations and passes other requests on.

    validated: answer those that run after validation, else those that run before it.
    """

    def __init__(self, app: ASGIApp, *, validated: bool) -> None:
        self._app = app
        self._operations = _validated if validated else _unvalidated

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        operation = self._operations.get(_operation_id(scope))
        if operation is None:
            await self._app(scope, receive, send)
            return
        user = scope["extensions"].get("connexion_context", {}).get("user", "")
        response = await operation(Request(scope, receive, send), user)
        await response(scope, receive, send)


class SmallBodies:
    """ASGI middleware in front of operations with small bodies: limits the body size, and leaves of the Content-Type
    what all that read it later understand alike.

    taking_bodies: the operationIds whose requests may have one.
    """

    def __init__(self, app: ASGIApp, taking_bodies: frozenset[str]) -> None:
        self._app = app
        self._taking_bodies = taking_bodies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if _operation_id(scope) in self._taking_bodies:
            _plain_media_type(MutableHeaders(scope=scope))
        seen = 0

        async def limited() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > _BODY_MAX_BYTES:
                raise UploadTooLarge(
                    f"the body is larger than {_BODY_MAX_BYTES} bytes, the limit of this operation: send a smaller one"
                )
            return message

        await self._app(scope, limited if scope["type"] == "http" else receive, send)


class PrintablePaths:
    """ASGI middleware that answers 404 to paths with control characters, which the routers handle differently."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not str(scope.get("path", "")).isprintable():
            raise NotFound("there is nothing at this path: check the URL")
        await self._app(scope, receive, send)


class MethodOverride:
    """ASGI middleware for X-HTTP-Method-Override of resumable uploads, behind proxies that allow only GET and POST."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and str(scope["path"]).startswith(_OVERRIDE_PATHS):
            told = Headers(scope=scope).get("x-http-method-override", "").upper()
            if told in _OVERRIDES and scope["method"] == "POST":
                scope = {**scope, "method": told}
        await self._app(scope, receive, send)


def _plain_media_type(headers: MutableHeaders) -> None:
    """Reduce the Content-Type to one media type in lower case. Without one, the validators would take the body for
    JSON and the handlers would not. Raises UnsupportedMediaType."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if "content-type" in headers or _has_body(headers):
        if kind.count("/") != 1:
            raise UnsupportedMediaType("the Content-Type is missing or is no media type: send application/json")
        headers["content-type"] = kind


def _has_body(headers: Headers) -> bool:
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


def _operation_id(scope: Scope) -> str:
    routing: dict[str, Any] = scope.get("extensions", {}).get("connexion_routing", {})
    return str(routing.get("operation_id", ""))
