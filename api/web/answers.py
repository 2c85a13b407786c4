"""What Flask handlers return. Connexion wants the content type named wherever the spec has two."""

from typing import Any

from flask import Response

JSON = "application/json"
Answer = tuple[Any, int, dict[str, str]]


def answer(content: Any, status: int = 200, **headers: str) -> Answer:
    """A JSON document with its status; other headers by their names."""
    return content, status, {"Content-Type": JSON, **headers}


def no_content() -> Response:
    """Done, with nothing to say."""
    response = Response(status=204)
    del response.headers["Content-Type"]  # there is no content to have a type
    return response
