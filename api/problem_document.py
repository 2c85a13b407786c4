"""The problem document (RFC 9457): what every refusal is answered with, by the application and by its server alike."""

from http import HTTPStatus

import msgspec

MEDIA_TYPE = "application/problem+json"

CHECKSUM_MISMATCH = 460  # defined by tus 1.0.0; not in the HTTP registry

# Codes of what the frameworks and the server refuse, where no error of the project says it.
_CODES = {
    400: "malformed_request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "upload_too_large",
    414: "uri_too_long",
    415: "unsupported_media_type",
    426: "upgrade_required",
    431: "headers_too_large",
    501: "not_implemented",
}


def code_of(status: int) -> str:
    """The code of an HTTP status for which there is no better one."""
    return _CODES.get(status, "internal" if status >= 500 else "malformed_request")


def problem_document(status: int, code: str, detail: str) -> bytes:
    """A problem as JSON."""
    title = "Checksum Mismatch" if status == CHECKSUM_MISMATCH else HTTPStatus(status).phrase
    detail = detail.encode("utf-8", "replace").decode()  # may quote half a surrogate pair from the client
    return msgspec.json.encode(
        {"type": "about:blank", "title": title, "status": status, "detail": detail, "code": code}
    )
