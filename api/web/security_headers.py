"""Headers that tell browsers what an answer may do: nothing, unless it is the page or its documentation."""

import re

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_NONE = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
# What the page needs, and not an inch of script or style that did not come as a file of its own.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
# Swagger UI starts itself by a script inside its page.
_DOCS_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    f"connect-src 'self'; font-src 'self'; {_NONE}"
)
# A file that somebody uploaded, opened by itself: browsers show it with a player and a style of their own. Not in
# a sandbox, from which the player would ask without the cookie.
_MEDIA_POLICY = f"default-src 'none'; media-src 'self'; img-src 'self'; style-src 'unsafe-inline'; {_NONE}"
_ANSWER_POLICY = f"default-src 'none'; {_NONE}; sandbox"
_MEDIA_PATH = re.compile(r"/api/.*/content")
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class SecurityHeaders:
    """ASGI middleware around all others: adds to every answer the headers that it does not have."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        defaults = {**_ALWAYS, "Content-Security-Policy": _policy(scope["path"])}

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in defaults.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _policy(path: str) -> str:
    if path == "/docs" or path.startswith("/docs/"):
        return _DOCS_POLICY
    return _MEDIA_POLICY if _MEDIA_PATH.fullmatch(path) else _ANSWER_POLICY
