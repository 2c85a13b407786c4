"""Which errors of the database say that it cannot be used for now, whatever is asked of it."""

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

# Classes of PostgreSQL's error codes that mean unavailable: connection, a transaction that stood in another one's way,
# resources, operator (restart, startup).
_UNAVAILABLE = ("08", "40", "53", "57")


def is_outage(error: SQLAlchemyError) -> bool:
    """Whether it is an error of the connection or of the server, and none of what was asked."""
    if isinstance(error, InterfaceError | OperationalError | PoolTimeout):
        return True
    if not isinstance(error, DBAPIError):
        return False
    said = error.orig.args[0] if error.orig is not None and error.orig.args else None
    code = str(said.get("C", "")) if isinstance(said, dict) else ""  # the format of pg8000
    return error.connection_invalidated or code.startswith(_UNAVAILABLE)
