"""Writes migrations/sqlite.sql, from which embedded mode makes the tables of a new service.

After a new migration: python -m tools.sqlite_tables
"""

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config

MIGRATIONS = Path(__file__).parents[1] / "migrations"
SCRIPT = MIGRATIONS / "sqlite.sql"
_HEAD = "-- The tables of SQLite, as the migrations make them. Made by: python -m tools.sqlite_tables"


def script(revision: str = "head") -> str:
    """What the migrations up to a revision make of an empty SQLite file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tables.sqlite"
        config = Config(MIGRATIONS / "alembic.ini")
        config.attributes["url"] = f"sqlite:///{file}"
        command.upgrade(config, revision)
        with closing(sqlite3.connect(file)) as connection:
            rows = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid").fetchall()
            version = [line for line in connection.iterdump() if line.startswith("INSERT")]
    lines = ["\n".join(line.rstrip() for line in sql.splitlines()) + ";" for (sql,) in rows]
    return "\n".join([_HEAD, *lines, *version, ""])


if __name__ == "__main__":
    SCRIPT.write_text(script())
