"""How the database is opened, read and written."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Dialect, Engine, create_engine, event
from sqlalchemy.dialects import registry
from sqlalchemy.orm import Session, sessionmaker

registry.register("postgresql.pg8000", "contracts.database.pg8000_dialect", "Dialect")

_BUSY_TIMEOUT_MS = 10_000
_READS = "web_detector_reads"


def open_database(url: str) -> Engine:
    """An engine for the tables. SQLite gets WAL, a busy timeout, foreign keys and transactions
    that take the write lock at their start, so that none fails half-way with "database is locked".
    PostgreSQL speaks of times in UTC: in the local time of a place, whose old times are seconds off the hour and whose
    last ones are of the year 10000, its driver does not read them all."""
    engine = create_engine(url, pool_pre_ping=True)
    if engine.dialect.name == "postgresql":
        event.listen(engine, "do_connect", _ask_for_utc)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


class Database:
    """Short sessions on the tables; what they found is detached from them at their end."""

    def __init__(self, engine: Engine) -> None:
        # Nobody reads for long enough to need one view of several statements, and in SQLite a transaction would cost
        # each reader the time of everyone who writes.
        self._reading = sessionmaker(engine.execution_options(**{_READS: True}), expire_on_commit=False)
        self._writing = sessionmaker(engine, expire_on_commit=False)

    def read(self) -> Session:
        """A session, as a context, for statements that only read. Each sees what is there at its moment."""
        return self._reading()

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that ends with the context: kept, or undone after an error."""
        with self._writing() as session, session.begin():
            yield session


def _ask_for_utc(_dialect: Dialect, _record: object, _arguments: list[object], options: dict[str, object]) -> None:
    options["startup_params"] = {"TimeZone": "UTC"}


def _begin_sqlite(connection: Connection) -> None:
    if not connection.get_execution_options().get(_READS):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver must not open transactions of its own: the begin event does it.
    connection.isolation_level = None
    # Its own knows the letters of ASCII alone; other databases know them all.
    connection.create_function("lower", 1, lambda text: text and str(text).lower(), deterministic=True)
    for pragma in ("journal_mode=WAL", f"busy_timeout={_BUSY_TIMEOUT_MS}", "foreign_keys=ON", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {pragma}")
