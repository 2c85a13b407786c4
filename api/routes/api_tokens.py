"""Tokens for programs: made by a user who is logged in, shown once, good until they are deleted or end."""

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

# Tells them from the tokens of sessions, and to whoever finds one what it is.
PREFIX = "wd_"
_RANDOM_BYTES = 32


def create_token(user: str, body: dict[str, Any]) -> Answer:
    """A new token; nobody can see it again."""
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
    headers = {"Cache-Control": "no-store"}
    content, status, more = answer({**api_token_representation(token), "token": secret}, 201)
    return content, status, {**more, **headers}


def list_tokens(user: str) -> Answer:
    """The user's tokens, the newest first."""
    items = [api_token_representation(token) for token in context.current().sessions.tokens(user)]
    return answer({"items": items, "next_cursor": None})


def delete_token(user: str, token_id: str, token_info: dict[str, Any]) -> Response:
    """End a token; it may be the one that asks."""
    if token_info.get("tid") != token_id:
        require("session", token_info)
    context.current().sessions.delete_token(user, token_id)
    audit.note("token.deleted", user_id=user, subject=token_id)
    return no_content()


def check(secret: str, now: datetime) -> dict[str, Any] | None:
    """The claims of a good token: whose it is, its id and its scopes. Notes that it was used."""
    token = context.current().sessions.use_token(digest(secret), now)
    return {"sub": token.user_id, "tid": token.id, "scopes": token.scopes, "type": "api"} if token else None


def _scopes(asked: list[str] | None) -> list[str] | None:
    """In the order of the spec; None for all, also of those that there may be one day."""
    return None if asked is None else [scope for scope in OF_TOKENS if scope in asked]


def digest(secret: str) -> str:
    """What is kept of a token; it is random enough for a plain hash."""
    return hashlib.sha256(secret.encode()).hexdigest()
