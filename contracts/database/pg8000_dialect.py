"""SQLAlchemy's dialect for pg8000, with a fix for lost connections and one for violated constraints.

When a connection is reset while pg8000 waits for an answer, it raises a plain OSError, which SQLAlchemy does not
recognise as a disconnect: the connection stays in the pool. This dialect raises the driver's InterfaceError instead,
as for other disconnects. It raises its IntegrityError where any constraint is violated, as other drivers do; pg8000
does so only where a value is not unique.
"""

import functools
from collections.abc import Callable
from typing import Any

from pg8000.dbapi import IntegrityError, InterfaceError, ProgrammingError
from sqlalchemy.dialects.postgresql.pg8000 import PGDialect_pg8000

# The class of SQLSTATE of violated constraints.
_VIOLATED = "23"


def _with_driver_error(method: Callable[..., Any]) -> Any:
    @functools.wraps(method)
    def call(*arguments: Any, **options: Any) -> Any:
        try:
            return method(*arguments, **options)
        except OSError as error:
            raise InterfaceError(
                f"network error: {error}"
            ) from error  # SQLAlchemy recognises a disconnect by this text
        except ProgrammingError as error:
            told = error.args[0] if error.args else None
            if isinstance(told, dict) and str(told.get("C", "")).startswith(_VIOLATED):
                raise IntegrityError(told) from error
            raise

    return call


class Dialect(PGDialect_pg8000):
    """The pg8000 dialect with all calls to the server wrapped."""

    supports_statement_cache = True
    # Many rows in one statement, not one each: the driver has no faster way.
    use_insertmanyvalues_wo_returning = True
    connect = _with_driver_error(PGDialect_pg8000.connect)
    do_execute = _with_driver_error(PGDialect_pg8000.do_execute)
    do_executemany = _with_driver_error(PGDialect_pg8000.do_executemany)
    do_execute_no_params = _with_driver_error(PGDialect_pg8000.do_execute_no_params)
    do_ping = _with_driver_error(PGDialect_pg8000.do_ping)
    do_rollback = _with_driver_error(PGDialect_pg8000.do_rollback)

    @_with_driver_error
    def do_commit(self, dbapi_connection: Any) -> None:
        """With AUTOCOMMIT there is nothing to commit, of which the server would warn."""
        if not dbapi_connection.autocommit:
            super().do_commit(dbapi_connection)  # type: ignore[no-untyped-call]

    def set_isolation_level(self, dbapi_connection: Any, level: Any) -> None:
        """A ping, and reading the level, have begun a transaction of the driver's, which AUTOCOMMIT would not end."""
        dbapi_connection.rollback()
        super().set_isolation_level(dbapi_connection, level)  # type: ignore[no-untyped-call]
