"""Reading and writing the database: who reads does not wait for who writes, and a connection may be lost."""

import gc
import os
import select as sockets
import socket
import stat
import struct
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pytest
from flask import Flask
from sqlalchemy import Engine, QueuePool, make_url, select, text
from sqlalchemy.exc import DBAPIError, InterfaceError

from api.services import build
from api.tables import sessions
from api.web import problems
from contracts.database import engine as engine_module
from contracts.database.engine import Database, open_database
from contracts.database.outages import is_outage, took_too_long
from contracts.database.tables import ApiToken, Base, User, new_id
from contracts.errors import TooManyTokens
from contracts.settings.table import Settings
from tests.support.deployments.service import ROOT
from tests.support.servers.debian import Postgres


def test_a_process_opens_as_many_connections_as_the_docs_say(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'tables.sqlite'}")
    assert isinstance(engine.pool, QueuePool)
    most = engine.pool.size() + engine.pool._max_overflow
    engine.dispose()
    page = (ROOT / "docs/operate/scaling.md").read_text()
    assert f"what its threads need, {most} at most" in page


def test_readers_do_not_wait_for_a_writer_and_see_what_is_kept(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/tables.sqlite")
    Base.metadata.create_all(engine)
    database = Database(engine)

    def names() -> list[str]:
        with database.read() as session:
            return list(session.scalars(select(User.username)))

    with database.write() as session:
        session.add(User(id=new_id(), username="first", password_hash=""))
        session.flush()
        assert names() == [], "it waits for the writer's lock, or sees what may be undone"
    assert names() == ["first"]
    engine.dispose()


def test_new_files_of_sqlite_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    umask = os.umask(0o022)
    try:
        engine = open_database(f"sqlite:///{tmp_path}/tables.sqlite")
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE some (number INTEGER)"))
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
        engine.dispose()
    finally:
        os.umask(umask)
    assert modes == dict.fromkeys(("tables.sqlite", "tables.sqlite-shm", "tables.sqlite-wal"), 0o600)


@pytest.mark.parametrize(("durable", "expected"), [(True, 2), (False, 1)])  # FULL, NORMAL
def test_what_is_durable_is_on_disk_before_it_is_said_to_be_done(tmp_path: Path, durable: bool, expected: int) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/tables.sqlite", durable=durable)
    with engine.connect() as connection:
        assert connection.scalar(text("PRAGMA synchronous")) == expected
    engine.dispose()


def test_the_api_answers_only_what_is_on_disk(tmp_path: Path) -> None:
    settings = Settings(
        data_dir=str(tmp_path),
        database_url=f"sqlite:///{tmp_path}/tables.sqlite",
        broker_url="redis://none",
        result_store_url="redis://none",
        jwt_secret_key="k" * 32,
    )
    services = build(settings, Flask("api"))
    with services.engine.connect() as connection:
        assert connection.scalar(text("PRAGMA synchronous")) == 2
    services.engine.dispose()


def test_what_goes_wrong_in_a_transaction_is_undone(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/tables.sqlite")
    Base.metadata.create_all(engine)
    database = Database(engine)

    def fail() -> None:
        with database.write() as session:
            session.add(User(id=new_id(), username="second", password_hash=""))
            session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with database.read() as session:
        assert session.scalars(select(User)).all() == []
    engine.dispose()


class Resetting:
    """A line to a server that resets so many connections as soon as a client asks something."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.resets = 0
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(30)
        self._listener.close()

    def _carry(self) -> None:
        others: dict[socket.socket, socket.socket] = {}
        clients: set[socket.socket] = set()
        while True:
            ready, _, _ = sockets.select([self._listener, *others], [], [])
            for side in ready:
                if side is self._listener:
                    try:
                        client, _ = self._listener.accept()
                    except OSError:  # closed
                        for connection in others:
                            connection.close()
                        return
                    server = socket.create_connection(("127.0.0.1", self._target))
                    others.update({client: server, server: client})
                    clients.add(client)
                elif side in others:
                    self._pass_on(side, others, clients)

    def _pass_on(
        self, side: socket.socket, others: dict[socket.socket, socket.socket], clients: set[socket.socket]
    ) -> None:
        data = b""
        with suppress(OSError):
            data = side.recv(65_536)
        if data and not (self.resets and side in clients):
            others[side].sendall(data)
            return
        self.resets = max(0, self.resets - 1)
        for connection in (side, others[side]):
            others.pop(connection)
            # Without an orderly end: who waits for an answer is told that the connection was reset.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()


@pytest.fixture
def line(postgres: Postgres) -> Iterator[Resetting]:
    line = Resetting(postgres.port)
    yield line
    line.close()


@pytest.fixture
def far(line: Resetting, url: str) -> Iterator[Engine]:
    engine = open_database(make_url(url).set(port=line.port).render_as_string(hide_password=False))
    yield engine
    engine.dispose()


def test_a_connection_that_was_reset_while_it_was_not_used_is_made_anew(line: Resetting, far: Engine) -> None:
    with far.connect() as connection:
        before = connection.scalar(text("select pg_backend_pid()"))
    line.resets = 1
    with far.connect() as connection:
        assert connection.scalar(text("select pg_backend_pid()")) != before
    assert line.resets == 0


@pytest.mark.parametrize("deed", ["execute", "commit", "rollback"])
def test_a_connection_that_is_reset_in_use_is_the_databases_error(line: Resetting, far: Engine, deed: str) -> None:
    with far.connect() as connection:
        connection.execute(text("select 1"))
        deeds: dict[str, Callable[[], object]] = {
            "execute": lambda: connection.execute(text("select 2")),
            "commit": connection.commit,
            "rollback": connection.rollback,
        }
        line.resets = 1
        with pytest.raises(InterfaceError, match="network error") as error:
            deeds[deed]()
        assert error.value.connection_invalidated
    with far.connect() as connection:
        assert connection.scalar(text("select 3")) == 3


def test_a_statement_that_takes_too_long_is_aborted_by_the_server(url: str) -> None:
    engine = open_database(url, statement_seconds=1)
    with engine.connect() as connection, pytest.raises(DBAPIError, match="statement timeout") as caught:
        connection.execute(text("select pg_sleep(3600)"))
    assert (is_outage(caught.value), took_too_long(caught.value)) == (False, True)
    answer = problems._database(cast(Any, None), caught.value)
    assert (answer.status_code, "took too long" in str(answer.body)) == (503, True)
    with engine.connect() as connection:
        assert connection.scalar(text("show statement_timeout")) == "1s"
        assert connection.scalar(text("show idle_in_transaction_session_timeout")) == "1s"
    engine.dispose()
    unlimited = open_database(url, statement_seconds=None)
    with unlimited.connect() as connection:
        assert connection.scalar(text("show statement_timeout")) == "0"
    unlimited.dispose()


def collect_sockets() -> None:
    """Those of connections that were refused or broken: the driver leaves them to the garbage collector."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def test_who_waits_too_long_for_a_lock_has_met_no_outage(url: str) -> None:
    engine = open_database(url)
    with engine.begin() as holder:
        holder.execute(text("select pg_advisory_xact_lock(1)"))
        with engine.connect() as connection:
            connection.execute(text("set lock_timeout = '1ms'"))
            with pytest.raises(DBAPIError) as caught:
                connection.execute(text("select pg_advisory_xact_lock(1)"))
    engine.dispose()
    assert (is_outage(caught.value), took_too_long(caught.value)) == (False, True)


def test_a_connection_that_the_server_ends_or_refuses_is_an_outage(url: str) -> None:
    engine = open_database(url)
    with engine.connect() as ended, engine.connect() as operator:
        process = ended.scalar(text("select pg_backend_pid()"))
        operator.execute(text("select pg_terminate_backend(:process)"), {"process": process})
        with pytest.raises(DBAPIError) as caught:
            ended.execute(text("select 1"))
        role = f"crowded-{new_id()}"
        operator.execute(text(f"create role \"{role}\" login password 'p' connection limit 0"))
        operator.commit()
    crowded = open_database(make_url(url).set(username=role, password="p").render_as_string(hide_password=False))
    with pytest.raises(DBAPIError, match="too many connections") as refused:
        crowded.connect()
    crowded.dispose()
    engine.dispose()
    assert [(is_outage(one.value), took_too_long(one.value)) for one in (caught, refused)] == [(True, False)] * 2
    del caught, refused
    collect_sockets()


def test_a_server_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "_SOCKET_MARGIN_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        engine = open_database(f"postgresql+pg8000://u:p@127.0.0.1:{silent.getsockname()[1]}/d", statement_seconds=0)
        with pytest.raises(InterfaceError, match="timed out"):
            engine.connect()
        engine.dispose()
    collect_sockets()


def test_two_requests_at_once_do_not_exceed_the_number_of_tokens(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "TOKENS_PER_USER", 1)
    engine = open_database(url)
    Base.metadata.create_all(engine)
    user, together = new_id(), threading.Barrier(6)
    with Database(engine).write() as session:
        session.add(User(id=user, username="user", password_hash=""))
    table = sessions.SessionTable(engine)

    def add(number: int) -> bool:
        together.wait(30)
        with suppress(TooManyTokens):
            table.add_token(ApiToken(id=new_id(), user_id=user, name="n", digest=str(number)))
            return True
        return False

    with ThreadPoolExecutor(6) as threads:
        assert sum(threads.map(add, range(6))) == 1
    engine.dispose()
