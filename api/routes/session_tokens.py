"""Tokens: issued by flask-jwt-extended, checked for every request outside of Flask."""

import inspect
import logging
import uuid
from datetime import timedelta
from typing import Any

import anyio.to_thread
from connexion.exceptions import OAuthProblem
from flask_jwt_extended import create_access_token, create_refresh_token, decode_token
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt.exceptions import PyJWTError
from redis import RedisError

from api.context import Services, context
from api.routes import api_tokens
from contracts.database.tables import utcnow
from contracts.errors import Unauthenticated

log = logging.getLogger(__name__)

_ALGORITHM = "HS256"
_SERVICE = "web-detector"
# So long after a refresh the token before is taken too: of another tab, or of one whose answer got lost.
_TABS_SECONDS = 30


def configured(secret: str) -> dict[str, Any]:
    """What flask-jwt-extended must know: one algorithm, whatever a token says of itself, and tokens of this service
    alone, should another have the same key."""
    return {
        "JWT_SECRET_KEY": secret,
        "JWT_ALGORITHM": _ALGORITHM,
        "JWT_DECODE_ALGORITHMS": [_ALGORITHM],
        "JWT_ENCODE_ISSUER": _SERVICE,
        "JWT_DECODE_ISSUER": _SERVICE,
        "JWT_ENCODE_AUDIENCE": _SERVICE,
        "JWT_DECODE_AUDIENCE": _SERVICE,
    }


def issue(services: Services, user_id: str) -> dict[str, Any]:
    """The tokens of a new session. Needs Flask's application context."""
    session_id, refresh_id = str(uuid.uuid4()), str(uuid.uuid4())
    services.sessions.add(session_id, user_id, refresh_id, utcnow() + _refresh_life(services))
    return _pair(services, user_id, session_id, refresh_id)


def renew(services: Services, refresh_token: str, *, tabs: bool = False) -> dict[str, Any]:
    """New tokens for a refresh token, which is good once. Raises Unauthenticated.

    tabs: whoever else brings the same token within some seconds gets tokens too, of the same session.
    """
    claims = _decode(services, refresh_token, "refresh")
    refresh_id = str(uuid.uuid4())
    if tabs:
        refresh_id = _agreed(services, claims["rid"], refresh_id)
    expires_at = utcnow() + _refresh_life(services)
    services.sessions.rotate_refresh(claims["sid"], claims["rid"], refresh_id, expires_at)
    return _pair(services, claims["sub"], claims["sid"], refresh_id)


def _agreed(services: Services, old: str, new: str) -> str:
    """What takes the place of a refresh token: the proposal of whoever came first."""
    key = f"wd:refresh:{old}"
    try:
        services.redis.set(key, new, nx=True, ex=_TABS_SECONDS)
        first = services.redis.get(key)
    except RedisError as error:  # then a second tab has to log in again
        log.warning("tabs cannot share a refresh: %s", error)
        return new
    return first.decode() if isinstance(first, bytes) else new


async def check_cookie(token: str) -> dict[str, Any]:
    """The claims of an access token that came as a cookie, for Connexion; programs have no cookies.
    Raises OAuthProblem."""
    if token.startswith(api_tokens.PREFIX):
        raise OAuthProblem(detail="an API token goes into the header Authorization")
    return await check(token)


async def check(token: str) -> dict[str, Any]:
    """The claims of a good access token or API token, for Connexion. Raises OAuthProblem, which becomes a 401.

    The look-up of the session goes to a thread: this runs in the event loop.
    """
    services = context.current()
    try:
        return await anyio.to_thread.run_sync(_checked, services, token)
    except Unauthenticated as error:
        raise OAuthProblem(detail=error.detail) from None


# Connexion asks for the parameters at each request; finding them out would cost more than the check itself.
check.__signature__ = inspect.signature(check)  # type: ignore[attr-defined]


def _checked(services: Services, token: str) -> dict[str, Any]:
    if token.startswith(api_tokens.PREFIX):
        found = api_tokens.check(token, utcnow())
        if found is None:
            raise Unauthenticated("this API token was deleted or has expired: make a new one")
        return found
    claims = _decode(services, token, "access")
    role = services.sessions.role(claims["sid"], claims["sub"])
    if role is None:
        raise Unauthenticated("the session of this token has ended: log in again")
    return {**claims, "role": role}


def _decode(services: Services, token: str, kind: str) -> dict[str, Any]:
    try:
        with services.flask.app_context():
            claims: dict[str, Any] = decode_token(token)
    except (PyJWTError, JWTExtendedException, ValueError, KeyError):
        raise Unauthenticated("the token is not valid or has expired: log in again") from None
    if claims.get("type") != kind or "sid" not in claims:
        raise Unauthenticated(f"this is not a token of the kind {kind!r}")
    return claims


def _pair(services: Services, user_id: str, session_id: str, refresh_id: str) -> dict[str, Any]:
    life = timedelta(minutes=services.settings.access_token_minutes)
    access = create_access_token(user_id, expires_delta=life, additional_claims={"sid": session_id})
    refresh = create_refresh_token(
        user_id, expires_delta=_refresh_life(services), additional_claims={"sid": session_id, "rid": refresh_id}
    )
    return {
        "access_token": access,
        "refresh_token": refresh,
        "token_type": "Bearer",
        "expires_in": int(life.total_seconds()),
    }


def _refresh_life(services: Services) -> timedelta:
    return timedelta(days=services.settings.refresh_token_days)
