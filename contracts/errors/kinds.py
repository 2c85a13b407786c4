"""The tree's branches. The web edge gives each one HTTP status."""

from typing import ClassVar


class WebDetectorError(Exception):
    """Base of all errors of the project. detail: what went wrong and what to do. retry_seconds: when the same request
    may succeed, None if never."""

    code: ClassVar[str] = "internal"
    retry_seconds: int | None = None

    def __init__(self, detail: str, retry_seconds: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        if retry_seconds is not None:
            self.retry_seconds = max(retry_seconds, 1)


class InvalidInput(WebDetectorError):
    """A well-formed request with invalid content."""

    code = "invalid_input"


class TooMany(WebDetectorError):
    """A limit is reached for now; try again later."""

    retry_seconds = 10


class NotFound(WebDetectorError):
    code = "not_found"


class Conflict(WebDetectorError):
    code = "conflict"


class Unavailable(WebDetectorError):
    """A required server does not answer."""

    code = "unavailable"
    retry_seconds = 5
