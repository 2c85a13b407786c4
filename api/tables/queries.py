"""Queries that several tables share: a user's own row, and pages of lists, newest first."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from sqlalchemy import CompoundSelect, Select, select, tuple_
from sqlalchemy.orm import Session

from contracts.database.tables import (
    Alert,
    AlertRule,
    ApiToken,
    AuditEvent,
    Delivery,
    Job,
    Recording,
    Rendition,
    Scene,
    Stream,
    Upload,
    User,
    Video,
    Webhook,
)
from contracts.errors import InvalidCursor, NotFound

# Rows that one read for event streams returns, which are ids and times.
MOST_CHANGES = 10_000

T = TypeVar("T")
Owned = TypeVar("Owned", Alert, AlertRule, ApiToken, Job, Rendition, Scene, Stream, Upload, Video, Webhook)
Row = TypeVar("Row", Alert, AlertRule, AuditEvent, Delivery, Job, Recording, Rendition, Scene, Stream, User, Video)


def owned(session: Session, table: type[Owned], user_id: str, row_id: str, name: str, *, lock: bool = False) -> Owned:
    """A user's own row. name: of the resource, for the error. lock: so that nobody changes it before the end of the
    transaction. Raises NotFound."""
    row = session.get(table, row_id, with_for_update=lock)
    return found(row if row is not None and row.user_id == user_id else None, name)


def found(row: T | None, name: str) -> T:
    """The row itself. Raises NotFound where it is None."""
    if row is None:
        raise NotFound(f"there is no such {name}")
    return row


def page(
    session: Session, statement: Select[Row], time: Any, limit: int, cursor: str | None
) -> tuple[list[Row], str | None]:
    """A page of the selected rows, newest first, and the cursor of the next page, None after the last.

    time: the column to sort by. Raises InvalidCursor.
    """
    row_id = time.class_.id
    if cursor:
        statement = statement.where(tuple_(time, row_id) < _parsed(cursor))
    # One more row than the limit shows whether there is a next page.
    rows = list(session.scalars(statement.order_by(time.desc(), row_id.desc()).limit(limit + 1)))
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]
    return rows[:limit], f"{getattr(last, time.key).isoformat()}_{last.id}"


def in_states_or_changed(
    table: type[Job | Rendition], states: Collection[str], since: datetime
) -> Select[Any] | CompoundSelect[Any]:
    """The ids of the rows in one of the states, and of those that changed since then. A union and no OR, so that the
    database uses an index for each, however many rows there are."""
    changed = select(table.id).where(table.changed_at > since)
    return select(table.id).where(table.state.in_(map(str, states))).union(changed) if states else changed


def _parsed(cursor: str) -> tuple[datetime, str]:
    """Time and id of the row that a cursor points at."""
    time, _, row_id = cursor.partition("_")
    try:
        # An unescaped "+" of the time zone arrives as a blank.
        return msgspec.convert(time.replace(" ", "+"), datetime).astimezone(UTC), row_id
    except (msgspec.ValidationError, OverflowError):
        raise InvalidCursor(
            "this is not a cursor of this list: use next_cursor of the previous page unchanged"
        ) from None
