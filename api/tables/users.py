"""Users, and reading the audit log."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, Select, bindparam, func, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session as Transaction

from api.access.passwords import DISABLED
from api.access.scopes import ADMIN
from api.tables.queries import found, merged_page, page, parsed
from api.tables.sessions import end_credentials
from contracts.database.engine import Database
from contracts.database.tables import AuditEvent, User, new_id
from contracts.errors import Conflict, NotFound, UsernameTaken

_FIRST = (datetime.min.replace(tzinfo=UTC), "")
_LAST = (datetime(9999, 1, 1, tzinfo=UTC), "")
_NEXT_ACTION = select(func.min(AuditEvent.action)).where(AuditEvent.action > bindparam("last"))


class UserTable:
    """Each method is one short transaction and returns detached rows."""

    def __init__(self, engine: Engine) -> None:
        self._database = Database(engine)

    def add(self, username: str, password_hash: str, role: str = "user") -> User:
        """Add a user. Raises UsernameTaken."""
        user = User(id=new_id(), username=username, password_hash=password_hash, role=role)
        try:
            with self._database.write() as session:
                session.add(user)
        except IntegrityError as error:
            raise UsernameTaken(f"the name {username!r} is taken: choose another one, or log in") from error
        return user

    def get(self, user_id: str) -> User:
        """The user. Raises NotFound."""
        with self._database.read() as session:
            return found(session.get(User, user_id), "user")

    def named(self, username: str) -> User | None:
        """The user of that name, None if unknown."""
        with self._database.read() as session:
            return session.scalar(select(User).where(User.username == username))

    def by_name(self, username: str) -> User:
        """The user of that name. Raises NotFound."""
        user = self.named(username)
        if user is None:
            raise NotFound(f"there is no user {username!r}")
        return user

    def page(self, limit: int, cursor: str | None, search: str = "") -> tuple[list[User], str | None]:
        """A page of users, newest first, and the cursor of the next page. search: part of the name."""
        statement = select(User)
        if search:
            statement = statement.where(func.lower(User.username).contains(search.lower(), autoescape=True))
        with self._database.read() as session:
            return page(session, statement, User.created_at, limit, cursor)

    def events(
        self, limit: int, cursor: str | None, user_id: str | None = None, action: str | None = None
    ) -> tuple[list[AuditEvent], str | None]:
        """A page of the audit log, newest first. action: a prefix, so that login includes login.failed. Raises
        InvalidCursor."""
        events = select(AuditEvent).where(AuditEvent.user_id == user_id) if user_id else select(AuditEvent)
        with self._database.read() as session:
            if not action:
                return page(session, events, AuditEvent.at, limit, cursor)
            below = [one for one in _actions(session) if one == action or one.startswith(f"{action}.")]
            if user_id:
                before = parsed(cursor) if cursor else _LAST
                each = [_of_user(user_id, one, before) for one in below]
            else:
                each = [events.where(AuditEvent.action == one) for one in below]
            return merged_page(session, each, AuditEvent.at, limit, cursor)

    def change(self, user_id: str, *, leave_admin: bool = False, **values: Any) -> tuple[User, list[str]]:
        """Set fields of a user. Returns the user and the names of the fields that changed.

        leave_admin: whether an administrator who can log in must remain. Raises NotFound, Conflict."""
        with self._database.write() as session:
            if leave_admin and values.get("role", ADMIN) != ADMIN:
                _require_another_admin(session, user_id)
            user = found(session.get(User, user_id, with_for_update=True), "user")
            changed = [name for name, value in values.items() if getattr(user, name) != value]
            for name in changed:
                setattr(user, name, values[name])
            return user, changed

    def replace_password(self, user_id: str, password_hash: str, *, keep_tokens: bool = False) -> int:
        """Set a user's password, end all their sessions, and delete their API tokens unless they are kept. Returns how
        many."""
        with self._database.write() as session:
            session.execute(update(User).where(User.id == user_id).values(password_hash=password_hash))
            return end_credentials(session, user_id, keep_tokens=keep_tokens)

    def change_password(
        self, user_id: str, session_id: str, old_hash: str, new_hash: str, *, keep_tokens: bool = False
    ) -> int | None:
        """Replace a password, end the user's other sessions, and delete their API tokens unless they are kept. Returns
        how many; None when old_hash is no longer current, so that a user who was disabled at the same time stays
        disabled."""
        with self._database.write() as session:
            current = (User.id == user_id, User.password_hash == old_hash)
            if session.execute(update(User).where(*current).values(password_hash=new_hash)).rowcount != 1:  # type: ignore[attr-defined]
                return None
            return end_credentials(session, user_id, keep_tokens=keep_tokens, kept_session=session_id)


def _of_user(user_id: str, action: str, before: tuple[datetime, str]) -> Select[AuditEvent]:
    """The events of a user and an action before a place. As a part of the index on both: of two columns that are
    compared PostgreSQL may take the index on one, and read all events of a user who has none of the action."""
    key = tuple_(AuditEvent.user_id, AuditEvent.action, AuditEvent.at, AuditEvent.id)
    within = (key > (user_id, action, *_FIRST), key < (user_id, action, *before))
    return select(AuditEvent).where(*within).order_by(AuditEvent.user_id.desc(), AuditEvent.action.desc())


def _actions(session: Transaction) -> Iterator[str]:
    """The actions of the audit log, of which there are few: by a step along the index to each."""
    last = ""
    while found := session.scalar(_NEXT_ACTION, {"last": last}):
        yield found
        last = found


def _require_another_admin(transaction: Transaction, user_id: str) -> None:
    """Raises Conflict when this user is the only administrator who can log in. Locks the administrators, so that two
    who demote each other at the same time come one after the other."""
    able = (User.role == ADMIN, User.password_hash != DISABLED)
    admins = transaction.scalars(select(User.id).where(*able).order_by(User.id).with_for_update()).all()
    if list(admins) == [user_id]:
        raise Conflict("this is the last administrator: give another user the role first")
