"""Writes very many rows into an empty database, in minutes: without its indexes and references, which follow."""

import csv
import io
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import islice
from typing import Any

from sqlalchemy import Engine

from benchmarks.stored.rows import Filled, Row
from contracts.database.tables import Base

_AT_ONCE = 2000
# As after the first turn of the periodic jobs: all tracks are in the index.
_NOTED = (
    "DELETE FROM unindexed_jobs",
    "DELETE FROM recorded_bytes",
    "INSERT INTO recorded_bytes (stream_id, bytes)"
    " SELECT stream_id, sum(size_bytes) FROM recordings GROUP BY stream_id",
)
# What triggers would have added up, of which none runs while rows are copied.
_STORED = (
    "INSERT INTO stored_bytes SELECT user_id, sum(size_bytes), 0 FROM videos GROUP BY user_id",
    "UPDATE stored_bytes SET renditions = found.bytes FROM"
    " (SELECT user_id, sum(size_bytes) AS bytes FROM renditions GROUP BY user_id) AS found"
    " WHERE found.user_id = stored_bytes.user_id",
)


def load(engine: Engine, filled: Iterable[Filled]) -> int:
    """Make the tables and write the rows; returns how many."""
    Base.metadata.create_all(engine)
    indexes = [index for table in Base.metadata.tables.values() for index in table.indexes]
    for index in indexes:
        index.drop(engine)
    write = _into_sqlite if engine.dialect.name == "sqlite" else _into_postgresql
    connection: Any = engine.raw_connection()
    with closing(connection), closing(connection.cursor()) as cursor:
        count = write(cursor, filled)
        for statement in _NOTED:
            cursor.execute(statement)
        connection.commit()
        connection.detach()  # what was set for it is not for others
    for index in indexes:
        index.create(engine)
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as vacuuming:
            vacuuming.exec_driver_sql("VACUUM ANALYZE")  # which it does of itself in time
    return count


def _into_sqlite(cursor: Any, filled: Iterable[Filled]) -> int:
    for pragma in ("foreign_keys=OFF", "synchronous=OFF", "cache_size=-1000000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.execute("BEGIN")
    count = 0
    for table, columns, rows in filled:
        places = ",".join("?" * len(columns))
        names = ",".join(f'"{name}"' for name in columns)
        cursor.executemany(f"INSERT INTO {table.__tablename__} ({names}) VALUES ({places})", rows)  # noqa: S608
        count += cursor.rowcount
    return count


def _into_postgresql(cursor: Any, filled: Iterable[Filled]) -> int:
    cursor.execute("SET session_replication_role = replica")  # neither triggers nor looks at what a row names
    count = 0
    for table, columns, rows in filled:
        names = ",".join(f'"{name}"' for name in columns)
        copy = f"COPY {table.__tablename__} ({names}) FROM STDIN WITH (FORMAT csv)"
        cursor.execute(copy, stream=lines(iter(rows)))
        count += cursor.rowcount
    for statement in _STORED:
        cursor.execute(statement)
    return count


def lines(rows: Iterator[Row]) -> Iterator[bytes]:
    """Rows as the text that PostgreSQL's COPY reads, many at a time."""
    while bite := list(islice(rows, _AT_ONCE)):
        written = io.StringIO()
        csv.writer(written).writerows(
            [f"\\x{cell.hex()}" if isinstance(cell, bytes) else cell for cell in row] for row in bite
        )
        yield written.getvalue().encode()
