"""A few connections to PostgreSQL that the threads of a process share, and statements that do not block for ever."""

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

# The server ends what takes longer; then the client gives up on a server that does not answer at all.
STATEMENT_SECONDS = 10
_SOCKET_SECONDS = STATEMENT_SECONDS + 5
_WAITING_SECONDS = 10
# Classes of SQLSTATE: connections, shutdowns, deadlocks, missing tables and schemas.
_PASSING = ("08", "57", "40", "42", "3F")
_TOOK_TOO_LONG = "57014"
_FAILURES = (DriverError, OSError, ScramException)


class _Link:
    """A connection with the statements that were prepared on it."""

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
    """At most `size` connections, made when they are needed, in the process that needs them."""

    def __init__(self, address: Address, size: int, schema: str, prepare: Callable[[Connection], None]) -> None:
        """schema: where names are looked up. prepare: called with each new connection."""
        self._address = address
        self._size = size
        self._schema = schema
        self._prepare = prepare
        self._begin()

    def run(self, statement: str, *, repeat: bool = True, **parameters: Any) -> list[list[Any]]:
        """The rows of a statement with :named parameters, in a transaction of its own.

        repeat: it changes nothing when it is done twice, so that it is tried again, on a new
        connection, when its connection turns out to be broken. Raises StoreUnavailable.
        """
        try:
            return self._try(statement, parameters)
        except StoreUnavailable as error:
            if not repeat or not _may_pass(error.__cause__):
                raise
            return self._try(statement, parameters)

    def close(self) -> None:
        """Let go of the connections that nobody uses now."""
        while link := self._pop():
            link.close()

    def _try(self, statement: str, parameters: dict[str, Any]) -> list[list[Any]]:
        with self._borrowed() as link:
            return link.run(statement, parameters)

    @contextmanager
    def _borrowed(self) -> Iterator[_Link]:
        if self._process != os.getpid():
            self._begin()  # after a fork: the sockets are the parent's
        free = self._free
        if not free.acquire(timeout=_WAITING_SECONDS):
            raise StoreUnavailable("the result store is slow: all connections to it are busy")
        link: _Link | None = None
        try:
            link = self._pop() or _Link(self._connect())
            yield link
        except BaseException as error:
            # Whatever it was, a signal in the middle of an answer included: its state is not known.
            if link is not None:
                link.close()
            if isinstance(error, _FAILURES):
                if _may_pass(error):
                    self.close()  # the others are older than the trouble
                raise StoreUnavailable(f"the result store does not answer as it should: {_told(error)}") from error
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
            # Not as parameters of the start, which a pooler in between would refuse.
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


def _may_pass(error: BaseException | None) -> bool:
    """Whether the same statement may do on a new connection: when the old one was broken, when two
    were in each other's way, or when the tables were not there. Not when it took too long."""
    if error is None or isinstance(error, TimeoutError) or isinstance(error.__cause__, TimeoutError):
        return False
    code = str(_record(error).get("C", "08"))
    return code[:2] in _PASSING and code != _TOOK_TOO_LONG


def _told(error: BaseException) -> str:
    """What happened: of a server's refusal its message, not the whole record."""
    return str(_record(error).get("M") or repr(error))


def _record(error: BaseException) -> dict[str, str]:
    return error.args[0] if error.args and isinstance(error.args[0], dict) else {}
