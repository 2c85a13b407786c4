"""Responses of Flask handlers. Connexion needs an explicit content type where the spec allows several."""

from typing import Any

from flask import Response

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
