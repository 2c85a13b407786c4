"""A database of results as tests see it: the store on it, and its rows."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from pg8000.native import Connection

from contracts.results.postgres import connection_url
from contracts.results.postgres.store import PostgresResultStore


@contextmanager
def opened(url: str) -> Iterator[PostgresResultStore]:
    with closing(PostgresResultStore.connect(url, 60)) as store:
        yield store


def ask(url: str, statement: str) -> list[Any]:
    """The rows of a statement on a connection of the test's own."""
    with connected(url) as connection:
        return connection.run(statement) or []


def connected(url: str) -> Connection:
    """A connection of the test's own."""
    at = connection_url.parse(url)
    return Connection(at.user, host=at.host, port=at.port, database=at.database, password=at.password)
