"""Rows are asked for by their owner: what is another's is not there."""

from typing import TypeVar

from sqlalchemy.orm import Session

from contracts.database.tables import ApiToken, Job, Rendition, Upload, Video, Webhook
from contracts.errors import NotFound

Owned = TypeVar("Owned", ApiToken, Job, Rendition, Upload, Video, Webhook)
T = TypeVar("T")


def owned(session: Session, table: type[Owned], user_id: str, row_id: str, name: str) -> Owned:
    """A user's row. name: as the user knows it. Raises NotFound."""
    row = session.get(table, row_id)
    return found(row if row is not None and row.user_id == user_id else None, name)


def found(row: T | None, name: str) -> T:
    """What was looked for. Raises NotFound where it is None."""
    if row is None:
        raise NotFound(f"there is no such {name}")
    return row
