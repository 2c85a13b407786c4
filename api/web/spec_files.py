"""The spec as files, /openapi.json and /openapi.yaml, whose bytes are made once: anybody may ask for them."""

import hashlib
from dataclasses import dataclass

import msgspec
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.requests.spec import PATH, spec
from api.web.conditional import is_known


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    media_type: str
    etag: str


class SpecFiles:
    """ASGI middleware that serves the two files and passes other requests on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._files = {
            "/openapi.json": _file(msgspec.json.encode(spec()), "application/json"),
            "/openapi.yaml": _file(PATH.read_bytes(), "text/yaml"),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = None
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD"):
            found = self._files.get(scope["path"])
        await (_answer(found, Headers(scope=scope)) if found else self._app)(scope, receive, send)


def _file(content: bytes, media_type: str) -> _File:
    return _File(content, media_type, f'"{hashlib.sha256(content).hexdigest()[:32]}"')


def _answer(file: _File, asked: Headers) -> Response:
    headers = {"ETag": file.etag, "Cache-Control": "no-cache"}
    if is_known(asked, file.etag):
        return Response(status_code=304, headers=headers)
    return Response(file.content, headers=headers, media_type=file.media_type)
