"""SQLAlchemy's dialect for pg8000, with one thing mended.

A connection that is reset while its answer is awaited is a plain OSError of the driver, which SQLAlchemy takes for a
mistake of the program: the request fails, and the connection stays in the pool. Here it is the driver's own error for
connections that are gone, as after every other way to lose one.
"""

import functools
from collections.abc import Callable
from typing import Any

from pg8000.exceptions import InterfaceError
from sqlalchemy.dialects.postgresql.pg8000 import PGDialect_pg8000


def _told(method: Callable[..., Any]) -> Any:
    @functools.wraps(method)
    def call(*arguments: Any, **options: Any) -> Any:
        try:
            return method(*arguments, **options)
        except OSError as error:
            raise InterfaceError(f"network error: {error}") from error  # by these words a lost connection is known

    return call


class Dialect(PGDialect_pg8000):
    """All that speaks with the server."""

    supports_statement_cache = True
    connect = _told(PGDialect_pg8000.connect)
    do_commit = _told(PGDialect_pg8000.do_commit)
    do_execute = _told(PGDialect_pg8000.do_execute)
    do_executemany = _told(PGDialect_pg8000.do_executemany)
    do_execute_no_params = _told(PGDialect_pg8000.do_execute_no_params)
    do_ping = _told(PGDialect_pg8000.do_ping)
    do_rollback = _told(PGDialect_pg8000.do_rollback)
