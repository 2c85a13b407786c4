"""Session tokens (JWT): issued by flask-jwt-extended, checked outside of Flask for every request."""

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
# How long the previous refresh token is still accepted: from another tab, or after a lost response.
_GRACE_SECONDS = 30


def configured(secret: str) -> dict[str, Any]:
    """Settings of flask-jwt-extended: a fixed algorithm, whatever the token header says, and a fixed issuer, in case
    another service has the same key."""
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
    """New tokens for a refresh token, which can be used once. Raises Unauthenticated.

    tabs: accept the same token again within some seconds, for other tabs of the browser; same session.
    """
    claims = _decode(services, refresh_token, "refresh")
    refresh_id = str(uuid.uuid4())
    if tabs:
        refresh_id = _shared_refresh_id(services, claims["rid"], refresh_id)
    expires_at = utcnow() + _refresh_life(services)
    services.sessions.rotate_refresh(claims["sid"], claims["rid"], refresh_id, expires_at)
    return _pair(services, claims["sub"], claims["sid"], refresh_id)


def _shared_refresh_id(services: Services, old: str, new: str) -> str:
    """The id that replaces a refresh token: the first proposal wins."""
    key = f"wd:refresh:{old}"
    try:
        services.redis.set(key, new, nx=True, ex=_GRACE_SECONDS)
        first = services.redis.get(key)
    except RedisError as error:  # a second tab must log in again then
        log.warning("browser tabs cannot share a refresh token, Redis failed: %s", error)
        return new
    return first.decode() if isinstance(first, bytes) else new


async def check_cookie(token: str) -> dict[str, Any]:
    """The claims of an access token from a cookie, for Connexion. API tokens are not accepted. Raises OAuthProblem."""
    if token.startswith(api_tokens.PREFIX):
        raise OAuthProblem(detail="send API tokens in the header Authorization, not as a cookie")
    return await check(token)


async def check(token: str) -> dict[str, Any]:
    """The claims of a valid access token or API token, for Connexion. Raises OAuthProblem, which becomes a 401.

    Runs in the event loop; the session lookup runs in a thread.
    """
    services = context.current()
    try:
        return await anyio.to_thread.run_sync(_checked, services, token)
    except Unauthenticated as error:
        raise OAuthProblem(detail=error.detail) from None


# Connexion inspects the signature at each request, which would cost more than the check itself.
check.__signature__ = inspect.signature(check)  # type: ignore[attr-defined]


def _checked(services: Services, token: str) -> dict[str, Any]:
    if token.startswith(api_tokens.PREFIX):
        found = api_tokens.check(token, utcnow())
        if found is None:
            raise Unauthenticated("this API token was deleted or has expired: create a new one")
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
        raise Unauthenticated("the token is invalid or has expired: log in again") from None
    if claims.get("type") != kind or "sid" not in claims:
        raise Unauthenticated(f"this is not a token of type {kind!r}: send the right one, or log in again")
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
