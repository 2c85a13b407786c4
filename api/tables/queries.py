"""Queries that several tables share: a user's own row, and pages of lists, newest first."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from sqlalchemy import CompoundSelect, Select, bindparam, select, tuple_
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
from contracts.wire.renditions import RenditionState, rendition_id

# Polls ask it: to build it costs more than all else. By the id of each, and `+ ""` disables the index on state: nearly
# all renditions are ready.
_POSTERS = select(Rendition.video_id).where(
    Rendition.id.in_(bindparam("ids", expanding=True)), Rendition.state + "" == str(RenditionState.READY)
)
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
    return merged_page(session, [statement], time, limit, cursor)


def merged_page(
    session: Session, statements: Iterable[Select[Row]], time: Any, limit: int, cursor: str | None
) -> tuple[list[Row], str | None]:
    """The same of the rows of several statements, none of which has a row of another one: of the values of a column,
    say. No index has the rows of several values in the order of time, so each is read for itself."""
    row_id = time.class_.id
    place = parsed(cursor) if cursor else None
    rows: list[Row] = []
    for statement in statements:
        after = statement.where(tuple_(time, row_id) < place) if place else statement
        # One more row than the limit shows whether there is a next page.
        rows += session.scalars(after.order_by(time.desc(), row_id.desc()).limit(limit + 1))
    rows.sort(key=lambda row: (getattr(row, time.key), row.id), reverse=True)
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]
    return rows[:limit], cursor_after(getattr(last, time.key), last.id)


def looked_at(
    session: Session, statement: Select[Any], time: Any, most: int, cursor: str | None
) -> tuple[Select[Any], str | None]:
    """The part of a statement within which a page is looked for, at most so many rows after a cursor, and the cursor of
    what follows, None at the end. statement: of rows of which few may be wanted. Raises InvalidCursor."""
    row_id = time.class_.id
    if cursor:
        statement = statement.where(tuple_(time, row_id) < parsed(cursor))
    places = statement.with_only_columns(time, row_id).order_by(time.desc(), row_id.desc())
    last = session.execute(places.offset(most - 1).limit(1)).one_or_none()
    if last is None:
        return statement, None
    return statement.where(tuple_(time, row_id) >= tuple(last)), cursor_after(*last)


def cursor_after(time: datetime, row_id: str) -> str:
    """The cursor of the page after a row."""
    return f"{time.isoformat()}_{row_id}"


def in_states_or_changed(
    table: type[Job | Rendition], states: Collection[str], since: datetime
) -> Select[Any] | CompoundSelect[Any]:
    """The ids of the rows in one of the states, and of those that changed since then. A union and no OR, so that the
    database uses an index for each, however many rows there are."""
    changed = select(table.id).where(table.changed_at > since)
    return select(table.id).where(table.state.in_(map(str, states))).union(changed) if states else changed


def ready_posters(session: Session, video_ids: Iterable[str]) -> frozenset[str]:
    """The ids of those videos that have a poster."""
    ids = [rendition_id(video_id, None, "poster") for video_id in video_ids]
    return frozenset(session.connection().scalars(_POSTERS, {"ids": ids}))


def parsed(cursor: str) -> tuple[datetime, str]:
    """Time and id of the row that a cursor points at. Raises InvalidCursor."""
    time, _, row_id = cursor.partition("_")
    try:
        # An unescaped "+" of the time zone arrives as a blank.
        return msgspec.convert(time.replace(" ", "+"), datetime).astimezone(UTC), row_id
    except (msgspec.ValidationError, OverflowError):
        raise InvalidCursor(
            "this is not a cursor of this list: use next_cursor of the previous page unchanged"
        ) from None
