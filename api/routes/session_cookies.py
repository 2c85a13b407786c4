"""Session tokens in cookies that are HttpOnly and SameSite=Strict."""

from typing import Any

import msgspec
from connexion.security import ApiKeySecurityHandler
from flask import Response, request
from starlette.requests import cookie_parser

from api.context import Services
from api.web.answers import JSON
from api.web.representations import PREFIX

ACCESS, REFRESH = "wd_access", "wd_refresh"
# The refresh token is sent to the auth operations only.
_PATHS = {ACCESS: PREFIX, REFRESH: f"{PREFIX}/auth"}


class CookieHandler(ApiKeySecurityHandler):  # type: ignore[misc]
    """Connexion's check of a key in a cookie, with a tolerant parser: Connexion's own fails at cookies of other
    services on the same host."""

    @staticmethod
    def get_cookie_value(cookies: str | None, name: str) -> str | None:
        return cookie_parser(cookies or "").get(name)


def answer_in_cookies(services: Services, tokens: dict[str, Any], status: int = 200) -> Response:
    """The tokens as cookies, and in the body without the refresh token, which scripts do not need."""
    response = Response(msgspec.json.encode({**tokens, "refresh_token": None}), status, content_type=JSON)
    _set(response, ACCESS, tokens["access_token"], tokens["expires_in"])
    _set(response, REFRESH, tokens["refresh_token"], services.settings.refresh_token_days * 86_400)
    return response


def clear(response: Response) -> Response:
    """Delete the cookies with this response, and what the browser has cached: results, videos and pictures."""
    for name in _PATHS:
        _set(response, name, "", 0)
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


def refresh_token() -> str | None:
    """The refresh token of the request's cookies."""
    return request.cookies.get(REFRESH)


def _set(response: Response, name: str, value: str, seconds: int) -> None:
    response.set_cookie(
        name, value, max_age=seconds, path=_PATHS[name], secure=_by_https(), httponly=True, samesite="Strict"
    )


def _by_https() -> bool:
    """Whether the browser used https, also through a proxy. A forged header affects only the sender's own cookies."""
    forwarded = request.headers.get("X-Forwarded-Proto", "").partition(",")[0].strip().lower()
    return request.is_secure or forwarded == "https"
