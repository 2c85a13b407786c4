"""The tokens of a browser's session, in cookies that no script can read and no other site sends along."""

from typing import Any

import msgspec
from connexion.security import ApiKeySecurityHandler
from flask import Response, request
from starlette.requests import cookie_parser

from api.context import Services
from api.web.answers import JSON
from api.web.representations import PREFIX

ACCESS, REFRESH = "wd_access", "wd_refresh"
# The refresh token goes only where it is needed.
_PATHS = {ACCESS: PREFIX, REFRESH: f"{PREFIX}/auth"}


class CookieHandler(ApiKeySecurityHandler):  # type: ignore[misc]
    """Connexion's check of a key in a cookie, whatever else a browser keeps for this host: its own parser
    gives up at names that others may use."""

    @staticmethod
    def get_cookie_value(cookies: str | None, name: str) -> str | None:
        return cookie_parser(cookies or "").get(name)


def answer_in_cookies(services: Services, tokens: dict[str, Any], status: int = 200) -> Response:
    """The tokens as cookies, and in the body without the refresh token, which scripts need not know."""
    response = Response(msgspec.json.encode({**tokens, "refresh_token": None}), status, content_type=JSON)
    response.headers["Cache-Control"] = "no-store"
    _set(response, ACCESS, tokens["access_token"], tokens["expires_in"])
    _set(response, REFRESH, tokens["refresh_token"], services.settings.refresh_token_days * 86_400)
    return response


def clear(response: Response) -> Response:
    """The answer, which has the browser forget the cookies."""
    for name in _PATHS:
        _set(response, name, "", 0)
    return response


def refresh_token() -> str | None:
    """The refresh token that the browser sent."""
    return request.cookies.get(REFRESH)


def _set(response: Response, name: str, value: str, seconds: int) -> None:
    response.set_cookie(
        name, value, max_age=seconds, path=_PATHS[name], secure=_by_https(), httponly=True, samesite="Strict"
    )


def _by_https() -> bool:
    """Whether the browser asked by https, also by way of a proxy: whoever lies about it harms their own cookie."""
    forwarded = request.headers.get("X-Forwarded-Proto", "").partition(",")[0].strip().lower()
    return request.is_secure or forwarded == "https"
