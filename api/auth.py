"""Users: register, log in, refresh, log out."""

from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from flask import Response

from api import apitokens, cookies, problems, tokens
from api.answers import Answer, answer, no_content
from api.context import Services, context
from contracts.errors import Unauthenticated

_hasher = PasswordHasher()
# Checked when there is no such user, so that the time of the answer does not tell.
_NOBODY = _hasher.hash("nobody has this password")


def register(body: dict[str, Any]) -> Answer | Response:
    """Make a user and a session."""
    services = context.current()
    user = services.repository.add_user(body["username"], _hasher.hash(body["password"]))
    return _session(services, user.id, body, 201)


def login(body: dict[str, Any]) -> Answer | Response:
    """A session for who knows the password."""
    services = context.current()
    user = services.repository.user_by_name(body["username"])
    try:
        _hasher.verify(user.password_hash if user else _NOBODY, body["password"])
    except VerificationError:
        user = None
    if user is None:
        raise Unauthenticated("the name or the password is wrong")
    return _session(services, user.id, body, 200)


def refresh(body: dict[str, Any] | None = None) -> Answer | Response:
    """New tokens for a refresh token, in the way that it came: in the body, or as a cookie."""
    services = context.current()
    if body and body.get("refresh_token"):
        return answer(tokens.renew(services, body["refresh_token"]))
    try:
        token = cookies.refresh_token()
        if token is None:
            raise Unauthenticated("there is a refresh token neither in the body nor in a cookie: log in")
        return cookies.answer_in_cookies(services, tokens.renew(services, token, tabs=True))
    except Unauthenticated as error:
        return cookies.clear(problems.response(error))


def logout(token_info: dict[str, Any]) -> Response:
    """End the session of the token."""
    apitokens.require_login(token_info)
    context.current().repository.revoke(token_info["sid"])
    return cookies.clear(no_content())


def logout_all(user: str, token_info: dict[str, Any]) -> Response:
    """End all sessions of the user."""
    apitokens.require_login(token_info)
    context.current().repository.revoke_all(user)
    return cookies.clear(no_content())


def me(user: str) -> Answer:
    """The user of the token."""
    services = context.current()
    found = services.repository.user(user)
    return answer(
        {
            "id": found.id,
            "username": found.username,
            "created_at": found.created_at,
            "quotas": services.quotas.described(found),
        }
    )


def _session(services: Services, user_id: str, body: dict[str, Any], status: int) -> Answer | Response:
    """A new session, its tokens where the client wants them."""
    pair = tokens.issue(services, user_id)
    return cookies.answer_in_cookies(services, pair, status) if body.get("cookies") else answer(pair, status)
