"""How Alembic reaches the tables: the database of DATABASE_URL, opened as the services open it."""

import os

from alembic import context
from sqlalchemy.engine import Connection

from contracts.database.engine import open_database
from contracts.database.tables import Base


def _migrate(connection: Connection) -> None:
    sqlite = connection.dialect.name == "sqlite"
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_type=True,
        # SQLite changes a table by copying it; and because our engine opens its transactions
        # itself, its DDL is rolled back with them, so a failed upgrade leaves nothing half done.
        render_as_batch=sqlite,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def _run() -> None:
    # A program that calls Alembic says itself which database it means.
    url = context.config.attributes.get("url") or os.environ.get("DATABASE_URL", "").strip()
    if not url:
        raise SystemExit("DATABASE_URL is not set: the SQLAlchemy URL of the tables")
    engine = open_database(url, statement_seconds=None)
    try:
        with engine.connect() as connection:
            _migrate(connection)
    finally:
        engine.dispose()


_run()
