"""Connections to PostgreSQL: broken, slow, shared by threads, taken along by a fork."""

import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator

import pytest

from contracts.errors import StoreUnavailable
from contracts.results.postgres import connection_url, pool, schema
from contracts.results.postgres.store import PostgresResultStore
from tests.support.deployments.service import ROOT
from tests.support.results.stored_results import at_once, fill
from tests.support.servers.debian import PASSWORD, Postgres, require
from tests.support.servers.postgres_results import ask, connected, opened


@pytest.fixture
def store(url: str) -> Iterator[PostgresResultStore]:
    with opened(url) as opened_store:
        yield opened_store


@pytest.fixture
def own() -> Iterator[Postgres]:
    """A server that the test may break."""
    require("initdb", "postgres", "setpriv")
    with Postgres() as server:
        yield server.wait()


@pytest.fixture
def job() -> str:
    return str(uuid.uuid4())


def test_a_restarted_server_is_not_noticed(own: Postgres, job: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Who waited for a server that is not there would not come back in time for anybody.
    monkeypatch.setattr(pool, "_SOCKET_SECONDS", 3600)
    monkeypatch.setattr(pool, "_WAITING_SECONDS", 3600)
    with opened(own.create("results")) as store:
        fill(store, job)
        own.stop()
        with pytest.raises(StoreUnavailable, match="does not answer"):
            store.chunk_indexes(job)
        own.start_again()
        own.wait()
        assert store.chunk_indexes(job) == {0}
        own.stop(signal.SIGQUIT)  # a crash
        own.start_again()
        own.wait()
        assert store.put_chunk(job, 1, b"more")
        assert store.get_chunk(job, 0) == b"data"
        assert store.attempts(job) == {0: 1}


def test_a_try_is_not_counted_again_when_the_connection_broke(own: Postgres, job: str) -> None:
    with opened(own.create("results")) as store:
        assert store.begin_attempt(job, 0) == 1
        own.stop()
        own.start_again()
        own.wait()
        with pytest.raises(StoreUnavailable):
            store.begin_attempt(job, 0)
        assert store.begin_attempt(job, 0) == 2


def test_a_statement_that_takes_too_long_is_ended(url: str, job: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "STATEMENT_SECONDS", 1)
    with opened(url) as store:
        store.put_chunk(job, 0, b"x")
        with connected(url) as rude:
            rude.run("BEGIN")
            rude.run(f"LOCK TABLE {schema.SCHEMA}.chunk")
            with pytest.raises(StoreUnavailable, match="statement timeout"):
                store.put_chunk(job, 1, b"y")
        assert store.chunk_indexes(job) == {0}


def test_a_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch, job: str) -> None:
    monkeypatch.setattr(pool, "_SOCKET_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://u:p@127.0.0.1:{silent.getsockname()[1]}/db?sslmode=disable"
        with opened(url) as store, pytest.raises(StoreUnavailable, match="timed out"):
            store.ping()


def test_a_wrong_password_is_said(url: str) -> None:
    wrong = url.replace(PASSWORD, "wrong")
    with opened(wrong) as store, pytest.raises(StoreUnavailable, match="password authentication failed"):
        store.ping()


def test_threads_share_a_few_connections(url: str, store: PostgresResultStore, job: str) -> None:
    at_once(16, lambda number: [store.put_chunk(job, 100 * number + i, b"x") for i in range(20)])
    assert len(store.chunk_indexes(job)) == 320
    mine = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{connection_url.parse(url).database}'"
    assert 1 <= ask(url, f"{mine} AND application_name = 'web-detector'")[0][0] <= 4


def test_a_forked_child_has_connections_of_its_own(store: PostgresResultStore, job: str) -> None:
    store.put_chunk(job, 0, b"parent")
    (mine,) = store._pool.run("SELECT pg_backend_pid()")

    def work() -> None:
        (own,) = store._pool.run("SELECT pg_backend_pid()")
        store.put_chunk(job, 1, b"other" if own == mine else b"child")
        os._exit(0)

    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    child.join(30)
    assert child.exitcode == 0
    assert store.get_chunk(job, 1) == b"child"
    assert store._pool.run("SELECT pg_backend_pid()") == [mine]


INTERRUPTED = """
import signal, sys
from contracts.results.postgres.store import PostgresResultStore

class Interrupted(Exception):
    pass

def interrupt(number, frame):
    raise Interrupted

url, job = sys.argv[1:]
store = PostgresResultStore.connect(url, 60)
store.put_chunk(job, 0, b"data")
signal.signal(signal.SIGALRM, interrupt)
signal.setitimer(signal.ITIMER_REAL, 0.3)
try:
    store._pool.run("SELECT 'late' FROM pg_sleep(1)")
except Interrupted:
    print(store.get_chunk(job, 0))
"""


def test_a_signal_in_the_middle_of_an_answer_does_not_mix_up_the_next(url: str, job: str) -> None:
    # In a process of its own: where OpenVINO has run before (it sets up a stack for signals), this one was the end.
    command = [sys.executable, "-c", INTERRUPTED, url, job]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.returncode) == ("b'data'\n", 0), done.stderr
