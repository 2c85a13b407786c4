"""Security headers. Browsers may not run or load anything from a response, except from the web UI and the API docs,
and keep no response of the API unless it says for how long."""

import re

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_NONE = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
# The web UI: no inline scripts or styles.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
# Swagger UI writes inline styles.
_DOCS_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    f"connect-src 'self'; font-src 'self'; {_NONE}"
)
# An uploaded file opened directly: browsers show their own player with inline styles. No sandbox, because the player's
# requests would then lack the cookie.
_MEDIA_POLICY = f"default-src 'none'; media-src 'self'; img-src 'self'; style-src 'unsafe-inline'; {_NONE}"
_ANSWER_POLICY = f"default-src 'none'; {_NONE}; sandbox"
_MEDIA_PATH = re.compile(r"/api/.*/content")
_API_PATH = "/api/"
# What a response of the API depends on, besides the headers that it names itself.
_CREDENTIALS = "Authorization, Cookie"
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class SecurityHeaders:
    """Outermost ASGI middleware: adds the security headers that a response does not set itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        private = scope["path"].startswith(_API_PATH)
        defaults = {**_ALWAYS, "Content-Security-Policy": _policy(scope["path"])}
        if private:
            defaults["Cache-Control"] = "no-store"

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in defaults.items():
                    headers.setdefault(name, value)
                if private:
                    headers.add_vary_header(_CREDENTIALS)
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _policy(path: str) -> str:
    if path == "/docs" or path.startswith("/docs/"):
        return _DOCS_POLICY
    return _MEDIA_POLICY if _MEDIA_PATH.fullmatch(path) else _ANSWER_POLICY
