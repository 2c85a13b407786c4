"""What all tables are made of: the base class, types of columns, and values of new rows."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, Connection, DateTime, MetaData, String, Table, event
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, MappedColumn, mapped_column
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """A time in UTC on both sides, also where the database stores no time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def utcnow() -> datetime:
    """The current time in UTC, with its zone."""
    return datetime.now(UTC)


def changed_column() -> MappedColumn[datetime | None]:
    """When the row last changed, set by every insert and update of ours: event streams read what has changed."""
    return mapped_column(default=utcnow, onupdate=utcnow, index=True)


def new_id() -> str:
    """A random id as text."""
    return str(uuid.uuid4())


class StateOf(FunctionElement[str]):
    """The member `state` of a JSON column, with the name of the member in the statement as it is in the indexes of it:
    none can be used for a value that is bound."""

    type = String()
    inherit_cache = True


@compiles(StateOf)
def _state_of(element: StateOf, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_extract({compiler.process(element.clauses, **options)}, '$.state')"


@compiles(StateOf, "postgresql")
def _state_of_in_postgresql(element: StateOf, compiler: SQLCompiler, **options: Any) -> str:
    return f"({compiler.process(element.clauses, **options)} ->> 'state')"


class Base(DeclarativeBase):
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: UtcDateTime, dict[str, Any]: JSON, list[Any]: JSON}


def make_after(made: type[Base], statements: Mapping[str, Sequence[str]]) -> None:
    """Run statements by dialect, such as those of triggers, when all tables were made, and this one among them."""

    def make(_: MetaData, connection: Connection, *, tables: Sequence[Table], **__: object) -> None:
        if made.__table__ in tables:
            for statement in statements[connection.dialect.name]:
                connection.exec_driver_sql(statement)

    event.listen(Base.metadata, "after_create", make)
