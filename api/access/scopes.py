"""What a token opens, by the spec: each operation needs a scope, and none can be forgotten.

`x-scope` of an operation, else its method, says which: `read`, `write` or `delete` for tokens of programs that have
it; `session` for who is logged in; `admin` for administrators who are; `any` for whoever has a token at all.
"""

from collections.abc import Mapping
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from contracts.errors import NeedsAdmin, NeedsLogin, OutOfScope, Unauthenticated

OF_TOKENS = ("read", "write", "delete")
ADMIN = "admin"
_SCOPES = frozenset({*OF_TOKENS, "session", "admin", "any"})
_BY_METHOD = {"get": "read", "head": "read", "options": "read", "delete": "delete"}
_METHODS = frozenset({"get", "head", "options", "delete", "post", "put", "patch", "trace"})


def needed_scopes(spec: Mapping[str, Any]) -> dict[str, str | None]:
    """The scope that each operation needs, by its id; None for those that need no token.

    Raises ValueError when the spec names a scope that there is not.
    """
    needed: dict[str, str | None] = {}
    for item in spec["paths"].values():
        for method, operation in item.items():
            if method not in _METHODS:
                continue
            scope = operation.get("x-scope", _BY_METHOD.get(method, "write"))
            if scope not in _SCOPES:
                raise ValueError(f"{operation['operationId']}: there is no scope {scope!r}")
            needed[operation["operationId"]] = None if operation.get("security") == [] else scope
    return needed


class Scopes:
    """ASGI middleware behind the authentication: lets pass whose token opens the operation."""

    def __init__(self, app: ASGIApp, needed: Mapping[str, str | None]) -> None:
        self._app = app
        self._needed = needed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            extensions = scope.get("extensions", {})
            operation = extensions.get("connexion_routing", {}).get("operation_id")
            needed = self._needed[operation] if operation else None  # what is no operation is not found, behind here
            if needed is not None:
                require(needed, extensions.get("connexion_context", {}).get("token_info"))
        await self._app(scope, receive, send)


def require(needed: str, claims: Mapping[str, Any] | None) -> None:
    """Whether who has these claims may do what needs the scope. Raises Unauthenticated, NeedsLogin, NeedsAdmin,
    OutOfScope."""
    if not claims:
        raise Unauthenticated("this needs a token: log in")
    is_program = "tid" in claims
    if needed in ("session", "admin") and is_program:
        raise NeedsLogin("an API token may not do this: log in, and use the access token")
    if needed == "admin" and claims.get("role") != ADMIN:
        raise NeedsAdmin("only an administrator may do this")
    scopes = claims.get("scopes")
    if needed in OF_TOKENS and scopes is not None and needed not in scopes:
        raise OutOfScope(f"this API token does not have the scope {needed!r}, only {', '.join(scopes) or 'none'}")
