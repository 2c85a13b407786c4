"""Which errors of the database say that it cannot be used for now, whatever is asked of it, and which that it took too
long."""

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

# Classes of PostgreSQL's error codes that mean unavailable: connection, a transaction that stood in another one's way,
# resources, operator (restart, startup).
_UNAVAILABLE = ("08", "40", "53", "57")
# Codes of what the server ended because a time was over: of a statement (also where somebody cancelled it), of waiting
# for a lock.
_TOO_LONG = ("57014", "55P03")


def is_outage(error: SQLAlchemyError) -> bool:
    """Whether it is an error of the connection or of the server, and none of what was asked: it can be repeated until
    it passes."""
    if isinstance(error, InterfaceError | OperationalError | PoolTimeout):
        return True
    if not isinstance(error, DBAPIError) or took_too_long(error):
        return False
    return error.connection_invalidated or _code(error).startswith(_UNAVAILABLE)


def took_too_long(error: SQLAlchemyError) -> bool:
    """Whether PostgreSQL has ended what was asked for its time. Something may have been in its way, which passes, or it
    takes that long each time: it can be repeated, but not without end."""
    return isinstance(error, DBAPIError) and _code(error) in _TOO_LONG


def _code(error: DBAPIError) -> str:
    """PostgreSQL's code, SQLSTATE; empty where there is none."""
    said = error.orig.args[0] if error.orig is not None and error.orig.args else None
    return str(said.get("C", "")) if isinstance(said, dict) else ""  # the format of pg8000
