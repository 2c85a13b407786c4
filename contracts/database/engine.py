"""Opening the database, and sessions on it."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Connection, Dialect, Engine, create_engine, event
from sqlalchemy.dialects import registry
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import Session, sessionmaker

registry.register("postgresql.pg8000", "contracts.database.pg8000_dialect", "Dialect")

# The server aborts longer statements, and ends transactions that are idle for so long.
STATEMENT_SECONDS = 30
# The client's own limit, also on connecting, is for a server that does not answer at all.
_SOCKET_MARGIN_SECONDS = 5
_POOL_SECONDS = 10
_BUSY_TIMEOUT_MS = 10_000
_READS = "web_detector_reads"


def open_database(url: str, statement_seconds: int | None = STATEMENT_SECONDS, *, durable: bool = False) -> Engine:
    """An SQLAlchemy engine whose users wait at most 10 s for a connection of its pool (sqlalchemy.exc.TimeoutError).

    SQLite gets WAL, a busy timeout, foreign keys, and transactions that take the write lock at their start, so that
    none fails half-way with "database is locked"; a new file is readable by its owner only, and so are the files that
    SQLite keeps beside it. PostgreSQL gets the time zone UTC: its driver cannot parse all timestamps of local time
    (historic offsets with seconds, the year 10000).

    statement_seconds: PostgreSQL's limit of a statement; None for commands that read or change whole tables. durable:
    whether SQLite puts each transaction on disk before it goes on (5 to 12 ms on the disk of a virtual machine), as
    PostgreSQL always does. It is for who tells somebody that something is done; a durable transaction takes all earlier
    ones to disk with it. Others may lose the last seconds in a power cut, and never the tables' consistency.
    """
    engine = create_engine(url, pool_pre_ping=True, pool_timeout=_POOL_SECONDS)
    if engine.dialect.name == "postgresql":
        event.listen(engine, "do_connect", _ask_for_utc)
        if statement_seconds is not None:
            _limit(engine, statement_seconds)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "do_connect", _create_private)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        if durable:
            event.listen(engine, "connect", _sync_each_transaction)
    return engine


class Database:
    """Short sessions on the tables; the objects they return are detached at the end of the session."""

    def __init__(self, engine: Engine) -> None:
        # No reader needs a consistent view over several statements, and in SQLite transactions of readers would wait
        # for writers.
        self._reads = engine.execution_options(**{_READS: True})
        self._reading = sessionmaker(self._reads, expire_on_commit=False)
        self._writing = sessionmaker(engine, expire_on_commit=False)

    def read(self) -> Session:
        """A session for reading, as a context; each statement sees the newest committed rows."""
        return self._reading()

    def read_columns(self) -> Connection:
        """The same as a bare connection, for columns instead of objects: a statement costs a third of what it costs in
        a session, if it was built once. For what every request asks."""
        return self._reads.connect()

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction as a context: committed at its end, rolled back after an error."""
        with self._writing() as session, session.begin():
            yield session


def _ask_for_utc(_dialect: Dialect, _record: object, _arguments: list[object], options: dict[str, object]) -> None:
    options["startup_params"] = {"TimeZone": "UTC"}


def _limit(engine: Engine, seconds: int) -> None:
    """Limit the time of connecting and of each statement."""

    @event.listens_for(engine, "do_connect")
    def _socket(_dialect: Dialect, _record: object, _arguments: list[object], options: dict[str, object]) -> None:
        options["timeout"] = seconds + _SOCKET_MARGIN_SECONDS

    @event.listens_for(engine, "connect")
    def _statements(connection: DBAPIConnection, _record: object) -> None:
        # Not as startup parameters, which a connection pooler would refuse.
        cursor = connection.cursor()
        for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
            cursor.execute(f"SET {name} = '{seconds}s'")
        cursor.close()
        connection.commit()


def _create_private(_dialect: Dialect, _record: object, arguments: list[str], options: dict[str, object]) -> None:
    """Create the file with mode 0600, whatever the umask: SQLite would let all users of the machine read it."""
    if arguments[0] != ":memory:" and not options.get("uri"):
        with suppress(OSError):  # it exists, or SQLite says what is wrong
            os.close(os.open(arguments[0], os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _begin_sqlite(connection: Connection) -> None:
    if not connection.get_execution_options().get(_READS):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver must not begin transactions itself: the begin event does.
    connection.isolation_level = None
    # SQLite's lower() handles ASCII only, those of other databases all letters.
    connection.create_function("lower", 1, lambda text: text and str(text).lower(), deterministic=True)
    for pragma in ("journal_mode=WAL", f"busy_timeout={_BUSY_TIMEOUT_MS}", "foreign_keys=ON", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {pragma}")


def _sync_each_transaction(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA synchronous=FULL")
