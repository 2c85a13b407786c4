"""Connection pool to PostgreSQL, shared by the threads of a process; statements have timeouts."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from pg8000.exceptions import Error as DriverError
from pg8000.native import Connection, PreparedStatement, literal
from scramp import ScramException

from contracts.errors import StoreUnavailable
from contracts.results.postgres.connection_url import Address, ssl_context

# The server aborts longer statements; the client timeout is for a server that does not answer at all.
STATEMENT_SECONDS = 10
_SOCKET_SECONDS = STATEMENT_SECONDS + 5
_WAITING_SECONDS = 10
# SQLSTATE classes: connections, shutdowns, deadlocks, missing tables and schemas.
_PASSING = ("08", "57", "40", "42", "3F")
_TOOK_TOO_LONG = "57014"
_FAILURES = (DriverError, OSError, ScramException)


class _Link:
    """A connection and its prepared statements."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._statements: dict[str, PreparedStatement] = {}

    def run(self, statement: str, parameters: dict[str, Any]) -> list[list[Any]]:
        prepared = self._statements.get(statement)
        if prepared is None:
            prepared = self._statements[statement] = self.connection.prepare(statement)
        return prepared.run(**parameters) or []

    def close(self) -> None:
        with suppress(*_FAILURES):
            self.connection.close()


class Pool:
    """At most `size` connections, opened on demand in the process that needs them."""

    def __init__(self, address: Address, size: int, schema: str, prepare: Callable[[Connection], None]) -> None:
        """schema: search_path of the connections. prepare: called with each new connection."""
        self._address = address
        self._size = size
        self._schema = schema
        self._prepare = prepare
        self._begin()

    def run(self, statement: str, *, repeat: bool = True, **parameters: Any) -> list[list[Any]]:
        """Run a statement with :named parameters in its own transaction; returns its rows.

        repeat: the statement is idempotent, so retry it on a new connection if its connection is broken. Raises
        StoreUnavailable.
        """
        try:
            return self._try(statement, parameters)
        except StoreUnavailable as error:
            if not repeat or not _is_transient(error.__cause__):
                raise
            return self._try(statement, parameters)

    def close(self) -> None:
        """Close the idle connections."""
        while link := self._pop():
            link.close()

    def _try(self, statement: str, parameters: dict[str, Any]) -> list[list[Any]]:
        with self._borrowed() as link:
            return link.run(statement, parameters)

    @contextmanager
    def _borrowed(self) -> Iterator[_Link]:
        if self._process != os.getpid():
            self._begin()  # after a fork: the sockets belong to the parent
        free = self._free
        if not free.acquire(timeout=_WAITING_SECONDS):
            raise StoreUnavailable("the result store is slow: all connections to it are busy")
        link: _Link | None = None
        try:
            link = self._pop() or _Link(self._connect())
            yield link
        except BaseException as error:
            # After any error, including a signal in the middle of an answer, the state of the connection is unknown.
            if link is not None:
                link.close()
            if isinstance(error, _FAILURES):
                if _is_transient(error):
                    self.close()  # the other idle connections are probably broken too
                raise StoreUnavailable(f"the result store does not answer as it should: {_reason(error)}") from error
            raise
        else:
            self._idle.append(link)
        finally:
            free.release()

    def _connect(self) -> Connection:
        address = self._address
        connection = Connection(
            address.user,
            host=address.host or None,
            port=address.port,
            unix_sock=address.socket or None,
            database=address.database,
            password=address.password,
            timeout=_SOCKET_SECONDS,
            ssl_context=ssl_context(address),
            application_name="web-detector",
        )
        try:
            # Not as startup parameters, which a connection pooler would refuse.
            for name, value in (
                ("search_path", self._schema),
                ("statement_timeout", f"{STATEMENT_SECONDS}s"),
                ("idle_in_transaction_session_timeout", f"{STATEMENT_SECONDS}s"),
            ):
                connection.run(f"SET {name} = {literal(value)}")
            self._prepare(connection)
        except BaseException:
            _Link(connection).close()
            raise
        return connection

    def _begin(self) -> None:
        self._process = os.getpid()
        self._free = threading.BoundedSemaphore(self._size)
        self._idle: list[_Link] = []

    def _pop(self) -> _Link | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None


def _is_transient(error: BaseException | None) -> bool:
    """Whether to retry a statement on a new connection: after a broken connection, a deadlock, or missing tables.
    Not after a timeout."""
    if error is None or isinstance(error, TimeoutError) or isinstance(error.__cause__, TimeoutError):
        return False
    code = str(_record(error).get("C", "08"))
    return code[:2] in _PASSING and code != _TOOK_TOO_LONG


def _reason(error: BaseException) -> str:
    """Text of an error: of a server error its message only, not the whole record."""
    return str(_record(error).get("M") or repr(error))


def _record(error: BaseException) -> dict[str, str]:
    return error.args[0] if error.args and isinstance(error.args[0], dict) else {}
