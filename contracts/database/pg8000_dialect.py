"""SQLAlchemy's dialect for pg8000, with one fix for lost connections.

When a connection is reset while pg8000 waits for an answer, it raises a plain OSError, which SQLAlchemy does not
recognise as a disconnect: the connection stays in the pool. This dialect raises the driver's InterfaceError instead,
as for other disconnects.
"""

import functools
from collections.abc import Callable
from typing import Any

from pg8000.exceptions import InterfaceError
from sqlalchemy.dialects.postgresql.pg8000 import PGDialect_pg8000


def _with_driver_error(method: Callable[..., Any]) -> Any:
    @functools.wraps(method)
    def call(*arguments: Any, **options: Any) -> Any:
        try:
            return method(*arguments, **options)
        except OSError as error:
            raise InterfaceError(
                f"network error: {error}"
            ) from error  # SQLAlchemy recognises a disconnect by this text

    return call


class Dialect(PGDialect_pg8000):
    """The pg8000 dialect with all calls to the server wrapped."""

    supports_statement_cache = True
    connect = _with_driver_error(PGDialect_pg8000.connect)
    do_commit = _with_driver_error(PGDialect_pg8000.do_commit)
    do_execute = _with_driver_error(PGDialect_pg8000.do_execute)
    do_executemany = _with_driver_error(PGDialect_pg8000.do_executemany)
    do_execute_no_params = _with_driver_error(PGDialect_pg8000.do_execute_no_params)
    do_ping = _with_driver_error(PGDialect_pg8000.do_ping)
    do_rollback = _with_driver_error(PGDialect_pg8000.do_rollback)
