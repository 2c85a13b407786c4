"""API tokens for programs: created by a logged-in user, shown once, valid until deleted or expired."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

from flask import Response

from api.access.scopes import OF_TOKENS, require
from api.context import context
from api.routes import audit
from api.web.answers import Answer, answer, no_content
from api.web.representations import api_token_representation
from contracts.database.tables import ApiToken, new_id, utcnow

# Distinguishes API tokens from session tokens, and makes a leaked one recognisable.
PREFIX = "wd_"
_RANDOM_BYTES = 32


def create_token(user: str, body: dict[str, Any]) -> Answer:
    """Create a token. The response is the only one with its secret."""
    secret = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    now = utcnow()
    days = body.get("expires_in_days")
    token = ApiToken(
        id=new_id(),
        user_id=user,
        name=body["name"],
        digest=digest(secret),
        scopes=_scopes(body.get("scopes")),
        expires_at=now + timedelta(days=days) if days else None,
        created_at=now,
    )
    context.current().sessions.add_token(token)
    audit.note("token.made", user_id=user, subject=token.id)
    return answer({**api_token_representation(token), "token": secret}, 201)


def list_tokens(user: str) -> Answer:
    """The user's tokens, newest first."""
    items = [api_token_representation(token) for token in context.current().sessions.tokens(user)]
    return answer({"items": items, "next_cursor": None})


def delete_token(user: str, token_id: str, token_info: dict[str, Any]) -> Response:
    """Delete a token; a program may delete its own."""
    if token_info.get("tid") != token_id:
        require("session", token_info)
    context.current().sessions.delete_token(user, token_id)
    audit.note("token.deleted", user_id=user, subject=token_id)
    return no_content()


def check(secret: str, now: datetime) -> dict[str, Any] | None:
    """The claims of a valid token: user with role, token id, scopes; None for an invalid one. Updates last_used_at."""
    token = context.current().sessions.use_token(digest(secret), now)
    if token is None:
        return None
    return {"sub": token.user_id, "role": token.role, "tid": token.id, "scopes": token.scopes, "type": "api"}


def _scopes(asked: list[str] | None) -> list[str] | None:
    """Scopes in the order of the spec; None for all, including future ones."""
    return None if asked is None else [scope for scope in OF_TOKENS if scope in asked]


def digest(secret: str) -> str:
    """The stored hash of a token, which is random enough for plain SHA-256."""
    return hashlib.sha256(secret.encode()).hexdigest()
