"""Which names requests may name as their host.

A page of another site whose name suddenly resolves to this service (DNS rebinding) would have this service as its own
origin, on a machine that its author cannot reach. It cannot change the name that its requests carry.
"""

from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.problem_document import MEDIA_TYPE, problem_document

_MISDIRECTED = 421
_LOCAL = "localhost"


class HostCheck:
    """ASGI middleware that answers 421 to requests for other hosts. names: those that are served; None for all."""

    def __init__(self, app: ASGIApp, names: frozenset[str] | None) -> None:
        self._app = app
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._names is not None:
            # None at all is no browser's request.
            for host in Headers(scope=scope).getlist("host"):
                if not is_served(host, self._names):
                    await _refusal(host)(scope, receive, send)
                    return
        await self._app(scope, receive, send)


def is_served(host: str, names: frozenset[str]) -> bool:
    """Whether requests with this Host header are answered: for one of the names, for localhost, and for addresses,
    which nobody can make resolve to something else. Pure. names: in lower case."""
    name = host.partition("]")[0].removeprefix("[") if host.startswith("[") else host.partition(":")[0]
    name = name.lower().removesuffix(".")
    return name in names or name == _LOCAL or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _refusal(host: str) -> Response:
    detail = f"this service is not {host[:100]!a}: the operator names its hosts in ALLOWED_HOSTS"
    return Response(problem_document(_MISDIRECTED, "wrong_host", detail), _MISDIRECTED, media_type=MEDIA_TYPE)
