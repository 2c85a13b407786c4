"""Authorization: the scope that each operation of the spec requires.

`x-scope` of an operation, else its path and method, names the scope: `read`, `write` or `delete` for API tokens with
that scope, for live streams `streams:read` or `streams:write`; `session` for logged-in users; `admin` for logged-in
administrators, `admin_read` for these and for API tokens with the scope `read` that an administrator has made; `any`
for every valid token.
"""

from collections.abc import Mapping
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from contracts.errors import NeedsAdmin, NeedsLogin, OutOfScope, Unauthenticated

OF_TOKENS = ("read", "write", "delete", "streams:read", "streams:write")
ADMIN = "admin"
_SCOPES = frozenset({*OF_TOKENS, "session", "admin", "admin_read", "any"})
_BY_METHOD = {"get": "read", "head": "read", "options": "read", "delete": "delete"}
_STREAMS = "/api/v1/streams"
_OF_STREAMS = {"get": "streams:read", "head": "streams:read", "options": "streams:read"}
_METHODS = frozenset({"get", "head", "options", "delete", "post", "put", "patch", "trace"})


def needed_scopes(spec: Mapping[str, Any]) -> dict[str, str | None]:
    """The required scope by operationId; None for operations without authentication.

    Raises ValueError when the spec names an unknown scope.
    """
    needed: dict[str, str | None] = {}
    for path, item in spec["paths"].items():
        for method, operation in item.items():
            if method not in _METHODS:
                continue
            scope = operation.get("x-scope", _by_default(path, method))
            if scope not in _SCOPES:
                raise ValueError(f"{operation['operationId']}: unknown scope {scope!r}")
            needed[operation["operationId"]] = None if operation.get("security") == [] else scope
    return needed


def _by_default(path: str, method: str) -> str:
    # Tokens for videos and jobs, which are older than live streams, must not reach cameras.
    if path.startswith(_STREAMS):
        return _OF_STREAMS.get(method, "streams:write")
    return _BY_METHOD.get(method, "write")


class Scopes:
    """ASGI middleware after authentication: checks that the token has the required scope."""

    def __init__(self, app: ASGIApp, needed: Mapping[str, str | None]) -> None:
        self._app = app
        self._needed = needed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            extensions = scope.get("extensions", {})
            operation = extensions.get("connexion_routing", {}).get("operation_id")
            needed = self._needed[operation] if operation else None  # unknown paths become 404 further on
            if needed is not None:
                require(needed, extensions.get("connexion_context", {}).get("token_info"))
        await self._app(scope, receive, send)


def require(needed: str, claims: Mapping[str, Any] | None) -> None:
    """Check that the claims include a scope. Raises Unauthenticated, NeedsLogin, NeedsAdmin, OutOfScope."""
    if not claims:
        raise Unauthenticated("this operation needs a token: log in, or send an API token")
    is_program = "tid" in claims
    is_admin = claims.get("role") == ADMIN
    if is_program and (needed in ("session", "admin") or (needed == "admin_read" and not is_admin)):
        raise NeedsLogin("API tokens cannot be used here: log in and use the access token")
    if needed in ("admin", "admin_read") and not is_admin:
        raise NeedsAdmin("only administrators may do this: ask one")
    needed = "read" if needed == "admin_read" else needed
    scopes = claims.get("scopes")
    if needed in OF_TOKENS and scopes is not None and needed not in scopes:
        raise OutOfScope(
            f"this API token lacks the scope {needed!r}, it has: {', '.join(scopes) or 'none'}; "
            "create a token with that scope"
        )
