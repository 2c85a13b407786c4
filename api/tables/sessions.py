"""Login sessions and API tokens."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Engine,
    Row,
    bindparam,
    delete,
    func,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.orm import Session as Transaction

from api.tables.queries import owned
from contracts.database.engine import Database
from contracts.database.tables import ApiToken, Session, User, utcnow
from contracts.errors import TooManyTokens, Unauthenticated

TOKENS_PER_USER = 100
_LAST_USED_INTERVAL = timedelta(minutes=1)
# Id, user, scopes and last use of an API token, and the role of its user.
UsedToken = Row[str, str, list[str] | None, datetime | None, str]


def _not_expired(now: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """Condition: the API token has not expired."""
    return or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > now)


_IDS: BindParameter[str] = bindparam("ids", expanding=True)
_NOW = bindparam("now", type_=Session.expires_at.type)
# Every request asks one of these two, and the third is asked once a second while anybody watches or listens: to build
# them costs more than all else.
_ROLE = select(User.role).where(
    Session.id == bindparam("id"),
    Session.user_id == bindparam("user"),
    Session.revoked_at.is_(None),
    User.id == Session.user_id,
)
_TOKEN = (
    select(ApiToken.id, ApiToken.user_id, ApiToken.scopes, ApiToken.last_used_at, User.role)
    .join(User, User.id == ApiToken.user_id)
    .where(ApiToken.digest == bindparam("digest"), _not_expired(_NOW))
)
_VALID = union_all(
    select(Session.id).where(Session.id.in_(_IDS), Session.revoked_at.is_(None), Session.expires_at > _NOW),
    select(ApiToken.id).where(ApiToken.id.in_(_IDS), _not_expired(_NOW)),
)


class SessionTable:
    """Each method is one short transaction and returns detached rows."""

    def __init__(self, engine: Engine) -> None:
        self._database = Database(engine)

    def add(self, session_id: str, user_id: str, refresh_id: str, expires_at: datetime) -> None:
        """Add a session, and delete expired ones."""
        with self._database.write() as session:
            session.execute(delete(Session).where(Session.expires_at < utcnow()))
            session.add(Session(id=session_id, user_id=user_id, refresh_id=refresh_id, expires_at=expires_at))

    def role(self, session_id: str, user_id: str) -> str | None:
        """The role of the user of a session, None when the session is no longer valid."""
        with self._database.read_columns() as columns:
            return columns.scalar(_ROLE, {"id": session_id, "user": user_id})

    def valid_credentials(self, ids: Sequence[str]) -> set[str]:
        """The ids of those sessions and API tokens that are still valid."""
        if not ids:
            return set()
        with self._database.read_columns() as columns:
            return {row[0] for row in columns.execute(_VALID, {"ids": ids, "now": utcnow()})}

    def rotate_refresh(self, session_id: str, old: str, new: str, expires_at: datetime) -> None:
        """Replace the refresh token of a session. Does nothing when it was replaced by `new` already.

        Raises Unauthenticated when `old` is not the current one: it was used before, perhaps by a thief, so the session
        is revoked.
        """
        statement = (
            update(Session)
            .where(Session.id == session_id, Session.refresh_id == old, Session.revoked_at.is_(None))
            .values(refresh_id=new, expires_at=expires_at)
        )
        with self._database.write() as session:
            done = session.execute(statement).rowcount == 1  # type: ignore[attr-defined]
            known = select(Session.id).where(
                Session.id == session_id, Session.refresh_id == new, Session.revoked_at.is_(None)
            )
            done = done or session.scalar(known) is not None
        if not done:
            self.revoke(session_id)
            raise Unauthenticated("this refresh token was used already, or revoked: log in again")

    def revoke(self, session_id: str) -> None:
        """End a session."""
        with self._database.write() as session:
            session.execute(update(Session).where(Session.id == session_id).values(revoked_at=utcnow()))

    def revoke_all(self, user_id: str, *, keep_tokens: bool = False) -> int:
        """End all sessions of a user, and delete their API tokens unless they are kept. Returns how many."""
        with self._database.write() as session:
            return end_credentials(session, user_id, keep_tokens=keep_tokens)

    # API tokens

    def add_token(self, token: ApiToken) -> None:
        """Add a token. Raises TooManyTokens."""
        with self._database.write() as session:
            count = select(func.count()).select_from(ApiToken).where(ApiToken.user_id == token.user_id)
            session.get(
                User, token.user_id, with_for_update=True
            )  # row lock, so that concurrent requests cannot exceed the limit
            if session.scalars(count).one() >= TOKENS_PER_USER:
                raise TooManyTokens(
                    f"you have {TOKENS_PER_USER} API tokens, the maximum: delete one that is no longer used"
                )
            session.add(token)

    def tokens(self, user_id: str) -> list[ApiToken]:
        """A user's tokens, newest first."""
        statement = select(ApiToken).where(ApiToken.user_id == user_id)
        with self._database.read() as session:
            return list(session.scalars(statement.order_by(ApiToken.created_at.desc(), ApiToken.id)))

    def delete_token(self, user_id: str, token_id: str) -> None:
        """Delete a user's token. Raises NotFound."""
        with self._database.write() as session:
            session.delete(owned(session, ApiToken, user_id, token_id, "token"))

    def use_token(self, digest: str, now: datetime) -> UsedToken | None:
        """The valid token of a digest. Updates last_used_at at most once a minute, so that few requests write."""
        with self._database.read_columns() as columns:
            token = columns.execute(_TOKEN, {"digest": digest, "now": now}).one_or_none()
        if token is not None and (token.last_used_at is None or token.last_used_at < now - _LAST_USED_INTERVAL):
            with self._database.write() as session:
                session.execute(update(ApiToken).where(ApiToken.id == token.id).values(last_used_at=now))
        return token


def end_credentials(
    transaction: Transaction, user_id: str, *, keep_tokens: bool, kept_session: str | None = None
) -> int:
    """End a user's sessions but for kept_session, and delete their API tokens unless they are kept. Returns the number
    of deleted tokens."""
    ended = [Session.user_id == user_id, Session.revoked_at.is_(None)]
    if kept_session is not None:
        ended.append(Session.id != kept_session)
    transaction.execute(update(Session).where(*ended).values(revoked_at=utcnow()))
    if keep_tokens:
        return 0
    deleted: int = transaction.execute(delete(ApiToken).where(ApiToken.user_id == user_id)).rowcount  # type: ignore[attr-defined]
    return deleted
