"""The API docs at /docs: Swagger UI, with a page of ours around it."""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from anyio.to_thread import run_sync
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.web.compression import choose
from api.web.conditional import is_known

_PATH = "/docs"
_INDEX, _START = "index.html", "start.js"
# Of the files of Swagger UI those that the page loads; its top bar is for other specs, and left out.
_TYPES = {
    _INDEX: "text/html",
    _START: "text/javascript",
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}
# No inline script, which the content security policy forbids, and relative addresses, for proxies that add a prefix.
_OURS = {
    _INDEX: """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Web-Detector API</title>
    <link rel="icon" href="favicon-32x32.png">
    <link rel="stylesheet" href="swagger-ui.css">
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="swagger-ui-bundle.js"></script>
    <script src="start.js"></script>
  </body>
</html>
""",
    # validatorUrl: by default, specs of public hosts are sent to a validator on the internet.
    _START: """SwaggerUIBundle({
  url: "../openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
});
""",
}


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    compressed: bytes
    etag: str


class ApiDocs:
    """ASGI middleware that serves the docs and passes other requests on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = _name(scope["path"]) if scope["type"] == "http" and scope["method"] in ("GET", "HEAD") else None
        if name is None:
            await self._app(scope, receive, send)
            return
        response = await run_sync(_answer, name, Headers(scope=scope))
        if scope["method"] == "HEAD":  # keeps the Content-Length of the content
            response.body = b""
        await response(scope, receive, send)


def _name(path: str) -> str | None:
    """The file's name for a path, "" for the folder itself; None for paths outside of the docs."""
    if path == _PATH:
        return ""
    folder, _, name = path.rpartition("/")
    return (name or _INDEX) if folder == _PATH and name in {"", *_TYPES} else None


def _answer(name: str, asked: Headers) -> Response:
    if not name:
        return RedirectResponse(f"{_PATH.lstrip('/')}/")
    file = _file(name)
    headers = {"ETag": file.etag, "Vary": "Accept-Encoding", "Cache-Control": "no-cache"}
    if is_known(asked, file.etag):
        return Response(status_code=304, headers=headers)
    if choose(asked.get("accept-encoding", ""), ("gzip",)):
        return Response(file.compressed, headers=headers | {"Content-Encoding": "gzip"}, media_type=_TYPES[name])
    return Response(file.content, headers=headers, media_type=_TYPES[name])


@cache
def _file(name: str) -> _File:
    """Read at the first request: the service starts without."""
    content = _OURS[name].encode() if name in _OURS else _package_file(name)
    return _File(content, gzip.compress(content, mtime=0), f'"{hashlib.sha256(content).hexdigest()[:32]}"')


def _package_file(name: str) -> bytes:
    """A file of Swagger UI as its project distributes it; of the package flask-swagger-ui nothing else is used."""
    return (resources.files("flask_swagger_ui") / "dist" / name).read_bytes()
