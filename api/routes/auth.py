"""Authentication: register, log in, refresh, log out, change the password."""

from typing import Any

from flask import Response

from api.access import passwords
from api.access.login_throttle import Attempt
from api.context import Services, context
from api.routes import audit, session_cookies, session_tokens
from api.web import problems
from api.web.answers import Answer, answer, no_content
from api.web.client_address import address
from contracts.errors import RegistrationClosed, TooManyLogins, TooManyRegistrations, Unauthenticated, WrongPassword


def register(body: dict[str, Any]) -> Answer | Response:
    """Create a user and a session."""
    services = context.current()
    if services.settings.registration == "closed":
        raise RegistrationClosed("registration is closed: ask the operator for an account")
    passwords.check(body["password"], body["username"], services.settings.password_min_length)
    try:
        services.throttle.register(address())
    except TooManyRegistrations as error:
        if error.first:
            audit.note("registration.throttled")
        raise
    user = services.users.add(body["username"], passwords.hashed(body["password"]))
    audit.note("user.registered", user_id=user.id, subject=user.id)
    return _session(services, user.id, body, 201)


def login(body: dict[str, Any]) -> Answer | Response:
    """Create a session for a user name and password."""
    services = context.current()
    user = services.users.named(body["username"])
    user_id = user.id if user else None
    attempt = _attempt(services, body["username"], user_id)
    if not passwords.verified(user.password_hash if user else None, body["password"]) or user is None:
        audit.note("login.failed", user_id=user_id)
        raise Unauthenticated("the name or the password is wrong: check both and try again")
    services.throttle.succeeded(attempt)
    audit.note("login.succeeded", user_id=user.id)
    return _session(services, user.id, body, 200)


def refresh(body: dict[str, Any] | None = None) -> Answer | Response:
    """New tokens for a refresh token, returned the way it was sent: in the body or as cookies."""
    services = context.current()
    if body and body.get("refresh_token"):
        return answer(session_tokens.renew(services, body["refresh_token"]))
    try:
        token = session_cookies.refresh_token()
        if token is None:
            raise Unauthenticated("no refresh token in the body or in a cookie: log in")
        return session_cookies.answer_in_cookies(services, session_tokens.renew(services, token, tabs=True))
    except Unauthenticated as error:
        return session_cookies.clear(problems.response(error))


def logout(user: str, token_info: dict[str, Any]) -> Response:
    """End the session of the token."""
    context.current().sessions.revoke(token_info["sid"])
    audit.note("logout", user_id=user, subject=token_info["sid"])
    return session_cookies.clear(no_content())


def logout_all(user: str, keep_tokens: bool = False) -> Response:
    """End all sessions of the user, and delete their API tokens unless they are kept."""
    deleted = context.current().sessions.revoke_all(user, keep_tokens=keep_tokens)
    audit.note("logout.all", user_id=user)
    _note_tokens(user, deleted)
    return session_cookies.clear(no_content())


def change_password(user: str, body: dict[str, Any], token_info: dict[str, Any]) -> Response:
    """Change the password, given the old one; end the user's other sessions, and delete their API tokens unless they
    are kept."""
    services = context.current()
    found = services.users.get(user)
    passwords.check(body["new_password"], found.username, services.settings.password_min_length)
    attempt = _attempt(services, found.username, user)
    deleted = None
    if passwords.verified(found.password_hash, body["old_password"]):
        new_hash, keep = passwords.hashed(body["new_password"]), body.get("keep_tokens", False)
        deleted = services.users.change_password(
            user, token_info["sid"], found.password_hash, new_hash, keep_tokens=keep
        )
    if deleted is None:
        audit.note("user.password.failed", user_id=user, subject=user)
        raise WrongPassword("the old password is wrong, nothing was changed: try again")
    services.throttle.succeeded(attempt)
    audit.note("user.password", user_id=user, subject=user)
    _note_tokens(user, deleted)
    return no_content()


def me(user: str) -> Answer:
    """The current user."""
    services = context.current()
    found = services.users.get(user)
    return answer(
        {
            "id": found.id,
            "username": found.username,
            "role": found.role,
            "created_at": found.created_at,
            "quotas": services.quotas.described(found),
        }
    )


def _note_tokens(user: str, deleted: int) -> None:
    """Record that a user's API tokens have ended with the password or all sessions."""
    if deleted:
        audit.note("token.deleted.all", user_id=user, subject=user)


def _attempt(services: Services, username: str, user_id: str | None) -> Attempt:
    """Count a password attempt. Raises TooManyLogins."""
    try:
        return services.throttle.begin(username, address())
    except TooManyLogins as error:
        if error.first:  # once per window, so that repeated attempts do not fill the log
            audit.note("login.throttled", user_id=user_id)
        raise


def _session(services: Services, user_id: str, body: dict[str, Any], status: int) -> Answer | Response:
    """A new session, its tokens in the body or in cookies."""
    pair = session_tokens.issue(services, user_id)
    return session_cookies.answer_in_cookies(services, pair, status) if body.get("cookies") else answer(pair, status)
