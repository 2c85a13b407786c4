"""Users: register, log in, refresh, log out."""

from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from flask import Response

from api import tokens
from api.answers import Answer, answer, no_content
from api.context import context
from contracts.errors import Unauthenticated

_hasher = PasswordHasher()
# Checked when there is no such user, so that the time of the answer does not tell.
_NOBODY = _hasher.hash("nobody has this password")


def register(body: dict[str, str]) -> Answer:
    """Make a user and a session."""
    services = context.current()
    user = services.repository.add_user(body["username"], _hasher.hash(body["password"]))
    return answer(tokens.issue(services, user.id), 201)


def login(body: dict[str, str]) -> Answer:
    """A session for who knows the password."""
    services = context.current()
    user = services.repository.user_by_name(body["username"])
    try:
        _hasher.verify(user.password_hash if user else _NOBODY, body["password"])
    except VerificationError:
        user = None
    if user is None:
        raise Unauthenticated("the name or the password is wrong")
    return answer(tokens.issue(services, user.id))


def refresh(body: dict[str, str]) -> Answer:
    """New tokens for a refresh token."""
    return answer(tokens.renew(context.current(), body["refresh_token"]))


def logout(token_info: dict[str, Any]) -> Response:
    """End the session of the token."""
    context.current().repository.revoke(token_info["sid"])
    return no_content()


def me(user: str) -> Answer:
    """The user of the token."""
    found = context.current().repository.user(user)
    return answer({"id": found.id, "username": found.username, "created_at": found.created_at})
