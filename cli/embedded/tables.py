"""The tables of embedded mode. Alembic is started only where they are older than the newest migration: it takes most of
a second, for which every role would wait."""

import sqlite3
from contextlib import closing
from pathlib import Path

_BUSY_SECONDS = 10


def newest_revision(migrations: Path) -> str:
    """The revision that the tables must have, from the names of the migrations."""
    return max(path.name.partition("_")[0] for path in (migrations / "versions").glob("[0-9]*_*.py"))


def are_current(file: Path, migrations: Path) -> bool:
    """Whether the SQLite file has the tables of the newest migration. A file without any table, or none, gets them from
    migrations/sqlite.sql. False where Alembic must bring them up to date, or say what is wrong with the file."""
    try:
        with closing(sqlite3.connect(file, timeout=_BUSY_SECONDS, isolation_level=None)) as connection:
            if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                script = (migrations / "sqlite.sql").read_text()
                connection.executescript(f"PRAGMA journal_mode=WAL; BEGIN IMMEDIATE;\n{script}COMMIT;")
            revisions = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    except sqlite3.Error:
        return False
    return revisions == [(newest_revision(migrations),)]
