"""The web UI: static files of the folder PAGE_DIR, built by `make page`."""

import hashlib
import mimetypes
import re
from pathlib import Path

from anyio.to_thread import run_sync
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.web.compression import choose
from api.web.conditional import is_known
from api.web.security_headers import PAGE_POLICY

_ID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# Client-side routes of the web UI; other unknown paths are 404, for a browser with the web UI, which says so.
_VIEWS = re.compile(f"/|/(?:sign-in|account|tokens|upload|jobs|jobs/{_ID}|live|live/{_ID}|search|alerts|status)/?")
_ASSETS = re.compile(r"/assets/[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")  # file systems take no name of any length
# Paths that are the API's, also where they are unknown; no page of the web UI has a dot.
_NO_PAGE = re.compile(r"/(?:api|docs|assets|healthz|readyz|metrics)(?:/.*)?|.*\..*", re.DOTALL)
_FILES = frozenset({"/favicon.svg", "/favicon.ico", "/manifest.webmanifest", "/robots.txt", "/apple-touch-icon.png"})
# Asset names contain a hash of the content.
_IMMUTABLE = "public, max-age=31536000, immutable"
_REVALIDATE = "no-cache"
_TYPES = {".js": "text/javascript", ".svg": "image/svg+xml", ".webmanifest": "application/manifest+json"}
_NOT_BUILT = """The web page has not been built.

Run `make page` to build it in web/dist (`make up` and `make demo` do so automatically), or set PAGE_DIR to another
folder. The API works without it: see /docs.
"""


class WebPage:
    """ASGI middleware that serves the web UI and passes other requests on.

    The folder is read at each request, so that the web UI can be built while the service runs.
    """

    def __init__(self, app: ASGIApp, folder: Path) -> None:
        self._app = app
        self._folder = folder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        asked = Headers(scope=scope)
        name = _file(scope["path"])
        if name is None and _is_lost(scope["path"], asked):
            response = await run_sync(self._missing)
        else:
            response = await run_sync(self._answer, name, asked) if name is not None else None
        if response is None:
            await self._app(scope, receive, send)
            return
        if scope["method"] == "HEAD":  # keeps the Content-Length of the content
            response.body = b""
        await response(scope, receive, send)

    def _missing(self) -> Response | None:
        """The web UI for an unknown path."""
        found = _read(self._folder / "index.html", "")
        headers = {"Vary": "Accept", "Cache-Control": _REVALIDATE, "Content-Security-Policy": PAGE_POLICY}
        return Response(found[0], 404, headers=headers, media_type="text/html") if found else None

    def _answer(self, name: str, asked: Headers) -> Response | None:
        """The file, None where it does not exist."""
        found = _read(self._folder / name, asked.get("accept-encoding", ""))
        if found is None:
            return Response(_NOT_BUILT, 503, media_type="text/plain") if name == "index.html" else None
        content, encoding = found
        etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        headers = {
            "ETag": etag,
            "Vary": "Accept-Encoding",
            "Cache-Control": _IMMUTABLE if name.startswith("assets/") else _REVALIDATE,
            "Content-Security-Policy": PAGE_POLICY,
        }
        if is_known(asked, etag):
            return Response(status_code=304, headers=headers)
        if encoding:
            headers["Content-Encoding"] = encoding
        return Response(content, headers=headers, media_type=_media_type(name))


def _file(path: str) -> str | None:
    """The file name for a path; None for paths outside of the web UI."""
    if _VIEWS.fullmatch(path):
        return "index.html"
    return path[1:] if path in _FILES or _ASSETS.fullmatch(path) else None


def _is_lost(path: str, asked: Headers) -> bool:
    """Whether somebody went to an address that is none with a browser."""
    return "text/html" in asked.get("accept", "") and not _NO_PAGE.fullmatch(path)


def _read(path: Path, accepted: str) -> tuple[bytes, str | None] | None:
    """The content of a file and its encoding: the prebuilt gzip variant where the client accepts it."""
    if choose(accepted, ("gzip",)):
        compressed = path.with_name(path.name + ".gz")
        if compressed.is_file():
            return compressed.read_bytes(), "gzip"
    return (path.read_bytes(), None) if path.is_file() else None


def _media_type(name: str) -> str:
    return _TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
