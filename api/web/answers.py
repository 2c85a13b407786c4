"""Responses of Flask handlers, for which Connexion needs an explicit content type where the spec allows several; and
to HEAD."""

from collections.abc import Mapping
from typing import Any

from flask import Response
from starlette.responses import Response as StarletteResponse

JSON = "application/json"
Answer = tuple[Any, int, dict[str, str]]


def answer(content: Any, status: int = 200, **headers: str) -> Answer:
    """A JSON document with its status and further headers."""
    return content, status, {"Content-Type": JSON, **headers}


def no_content() -> Response:
    """204 without a body."""
    response = Response(status=204)
    del response.headers["Content-Type"]  # no content, no type
    return response


def headers_only(headers: Mapping[str, str], media_type: str, status: int = 200) -> StarletteResponse:
    """The response to HEAD of an operation whose response to GET is streamed, without reading what that holds. Its
    length is told only if it is among the headers."""
    response = StarletteResponse(None, status, headers, media_type)
    if "content-length" not in {name.lower() for name in headers}:
        del response.headers["content-length"]
    return response
