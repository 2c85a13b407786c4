"""Responses with a picture."""

from starlette.requests import Request
from starlette.responses import Response

from api.web.answers import headers_only
from api.web.conditional import PRIVATE

JPEG = "image/jpeg"


def cache_headers(etag: str) -> dict[str, str]:
    """The headers of a picture, also of one that the client has."""
    return {"ETag": etag, "Cache-Control": PRIVATE, "X-Content-Type-Options": "nosniff"}


def picture_response(request: Request, picture: bytes, etag: str, media_type: str = JPEG) -> Response:
    """A picture, or its headers alone."""
    headers = cache_headers(etag)
    if request.method == "HEAD":
        return headers_only({**headers, "Content-Length": str(len(picture))}, media_type)
    return Response(picture, headers=headers, media_type=media_type)
