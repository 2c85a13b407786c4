"""Tokens for programs: made by a user who is logged in, shown once, good until they are deleted or end."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

from flask import Response

from api.answers import Answer, answer, no_content
from api.context import context
from api.shapes import api_token_shape
from contracts.errors import NeedsLogin
from contracts.tables import ApiToken, new_id, utcnow

# Tells them from the tokens of sessions, and to whoever finds one what it is.
PREFIX = "wd_"
_RANDOM_BYTES = 32


def create_token(user: str, body: dict[str, Any], token_info: dict[str, Any]) -> Answer:
    """A new token; nobody can see it again."""
    require_login(token_info)
    secret = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    now = utcnow()
    days = body.get("expires_in_days")
    token = ApiToken(
        id=new_id(),
        user_id=user,
        name=body["name"],
        digest=digest(secret),
        expires_at=now + timedelta(days=days) if days else None,
        created_at=now,
    )
    context.current().repository.add_token(token)
    headers = {"Cache-Control": "no-store"}
    content, status, more = answer({**api_token_shape(token), "token": secret}, 201)
    return content, status, {**more, **headers}


def list_tokens(user: str) -> Answer:
    """The user's tokens, the newest first."""
    items = [api_token_shape(token) for token in context.current().repository.tokens(user)]
    return answer({"items": items, "next_cursor": None})


def delete_token(user: str, token_id: str, token_info: dict[str, Any]) -> Response:
    """End a token; it may be the one that asks."""
    if token_info.get("tid") != token_id:
        require_login(token_info)
    context.current().repository.delete_token(user, token_id)
    return no_content()


def check(secret: str, now: datetime) -> dict[str, Any] | None:
    """The claims of a good token: whose it is, and its id. Notes that it was used."""
    token = context.current().repository.use_token(digest(secret), now)
    return {"sub": token.user_id, "tid": token.id, "type": "api"} if token else None


def require_login(token_info: dict[str, Any]) -> None:
    """Only who is logged in may do this, no program with a token. Raises NeedsLogin."""
    if "tid" in token_info:
        raise NeedsLogin("an API token may not do this: log in, and use the access token")


def digest(secret: str) -> str:
    """What is kept of a token; it is random enough for a plain hash."""
    return hashlib.sha256(secret.encode()).hexdigest()
