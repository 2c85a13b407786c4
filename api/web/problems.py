"""Errors as problem documents (RFC 9457). The only file that maps the project's errors to HTTP statuses."""

import logging
from collections.abc import Callable, Sequence
from http import HTTPStatus

from connexion import FlaskApp
from connexion.exceptions import ProblemException
from connexion.lifecycle import ConnexionRequest, ConnexionResponse
from flask import Response
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.responses import Response as StarletteResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from werkzeug.exceptions import HTTPException as FlaskHTTPException

from api.problem_document import CHECKSUM_MISMATCH, MEDIA_TYPE, code_of, problem_document
from api.web.error_log import ErrorLog
from contracts import errors
from contracts.database.outages import is_outage, took_too_long

_errors = ErrorLog(logging.getLogger(__name__))

# The first match in the class hierarchy of an error counts.
_STATUS: dict[type[errors.WebDetectorError], int] = {
    errors.WebDetectorError: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.Malformed: HTTPStatus.BAD_REQUEST,
    errors.UploadIncomplete: HTTPStatus.BAD_REQUEST,
    errors.Unauthenticated: HTTPStatus.UNAUTHORIZED,
    errors.ImportsOff: HTTPStatus.FORBIDDEN,
    errors.WebhooksOff: HTTPStatus.FORBIDDEN,
    errors.WrongPassword: HTTPStatus.FORBIDDEN,  # not 401: clients would log in again
    errors.NeedsLogin: HTTPStatus.FORBIDDEN,
    errors.NeedsAdmin: HTTPStatus.FORBIDDEN,
    errors.OutOfScope: HTTPStatus.FORBIDDEN,
    errors.ForeignOrigin: HTTPStatus.FORBIDDEN,
    errors.RegistrationClosed: HTTPStatus.FORBIDDEN,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.UnsupportedMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.UploadTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.TooMany: HTTPStatus.TOO_MANY_REQUESTS,
    errors.UploadLocked: HTTPStatus.LOCKED,
    errors.UnsupportedProtocol: HTTPStatus.PRECONDITION_FAILED,
    errors.ChecksumMismatch: CHECKSUM_MISMATCH,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.StorageFull: HTTPStatus.INSUFFICIENT_STORAGE,
}


def status_of(error: errors.WebDetectorError) -> int:
    """The HTTP status of an error of the project."""
    return next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)


def headers_of(error: errors.WebDetectorError) -> dict[str, str]:
    """The headers that belong to an error of the project."""
    return {} if error.retry_seconds is None else {"Retry-After": str(error.retry_seconds)}


def response(error: errors.WebDetectorError) -> Response:
    """An error as a Flask response, for handlers that add headers to it."""
    answer = _answer(status_of(error), error.code, error.detail, headers_of(error))
    return Response(answer.body, answer.status_code, answer.headers, content_type=MEDIA_TYPE)


def log_failure(error: errors.WebDetectorError) -> None:
    """Log an error that is the service's and not the client's."""
    if status_of(error) >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _errors.note(f"{error.code}: {error.detail}", error)


def install(app: FlaskApp, methods_at: Callable[[str], Sequence[str]]) -> None:
    """Answer all errors as problems: the project's, the frameworks', and unexpected ones. methods_at: the methods that
    are allowed at a path."""

    def starlette(request: ConnexionRequest, error: HTTPException) -> ConnexionResponse:
        headers = dict(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED and (methods := methods_at(request.scope["path"])):
            headers["Allow"] = ", ".join(methods)  # the router lists only those of one operation
        return _framework(error.status_code, error.detail, headers)

    app.add_error_handler(errors.WebDetectorError, _project)
    app.add_error_handler(DBAPIError, _database)
    app.add_error_handler(PoolTimeout, _busy)
    app.add_error_handler(RedisError, _redis)
    app.add_error_handler(ProblemException, _connexion)
    app.add_error_handler(HTTPException, starlette)
    app.add_error_handler(FlaskHTTPException, _flask)
    app.add_error_handler(Exception, _unexpected)


def _project(_request: ConnexionRequest, error: errors.WebDetectorError) -> ConnexionResponse:
    log_failure(error)
    return _answer(status_of(error), error.code, error.detail, headers_of(error))


def _database(request: ConnexionRequest, error: DBAPIError) -> ConnexionResponse:
    if is_outage(error):
        return _project(request, errors.Unavailable("the database is not available: try again later"))
    if took_too_long(error):
        detail = "the database took too long: ask for less at once, or try again later"
        return _project(request, errors.Unavailable(detail))
    return _unexpected(request, error)


def _busy(request: ConnexionRequest, _error: PoolTimeout) -> ConnexionResponse:
    detail = "all connections to the database are in use: try again later, and send fewer requests at once"
    return _project(request, errors.Unavailable(detail))


def _redis(request: ConnexionRequest, error: RedisError) -> ConnexionResponse:
    return _project(request, errors.Unavailable("Redis is not available: try again later"))


def _connexion(_request: ConnexionRequest, error: ProblemException) -> ConnexionResponse:
    return _framework(error.status, error.detail, error.headers)


def _flask(_request: ConnexionRequest, error: FlaskHTTPException) -> ConnexionResponse:
    return _framework(error.code or 500, error.description, None)


def _framework(status: int, detail: str | None, headers: object) -> ConnexionResponse:
    extra = {str(key): str(value) for key, value in headers.items()} if isinstance(headers, dict) else {}
    return _answer(status, code_of(status), str(detail or HTTPStatus(status).description), extra)


_INTERNAL = (500, "internal", "internal error: report it to the operator, whose log has the details")


def _unexpected(_request: ConnexionRequest, error: Exception) -> ConnexionResponse:
    _errors.note("unexpected error", error)
    return _answer(*_INTERNAL)


class UnexpectedErrors:
    """ASGI middleware around the others: their own errors, which no handler sees, are logged and answered the same."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            if begun or scope["type"] != "http":
                raise  # the server ends the connection
            _errors.note("unexpected error", error)
            response = StarletteResponse(problem_document(*_INTERNAL), _INTERNAL[0], media_type=MEDIA_TYPE)
            await response(scope, receive, send)


def _answer(status: int, code: str, detail: str, headers: dict[str, str] | None = None) -> ConnexionResponse:
    extra = dict(headers or {})
    if status == HTTPStatus.UNAUTHORIZED:
        extra.setdefault("WWW-Authenticate", "Bearer")
    body = problem_document(status, code, detail)
    return ConnexionResponse(status_code=status, mimetype=MEDIA_TYPE, content_type=MEDIA_TYPE, body=body, headers=extra)
