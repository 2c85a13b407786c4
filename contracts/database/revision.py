"""The revision of the tables, as Alembic notes it. Revisions are numbers with leading zeros: of two, the later one is
the greater text."""

from sqlalchemy import Connection, inspect, text


def revision_of(connection: Connection) -> str | None:
    """The revision of the tables, None where there are none. Raises SQLAlchemyError."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found
