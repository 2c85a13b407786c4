"""What is PostgreSQL's own about the store: its tables, and clearing away what is over."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from contracts.errors import StoreUnavailable
from contracts.results.postgres import schema
from contracts.results.postgres import store as store_module
from contracts.results.postgres.store import PostgresResultStore
from tests.support.results.stored_results import at_once, fill
from tests.support.servers.debian import Postgres
from tests.support.servers.postgres_results import ask, opened

TABLES = ("job", "chunk", "attempt", "progress", "state", "lease")


@pytest.fixture
def store(url: str) -> Iterator[PostgresResultStore]:
    with opened(url) as opened_store:
        yield opened_store


@pytest.fixture
def job() -> str:
    return str(uuid.uuid4())


def counts(url: str) -> dict[str, int]:
    """How many rows there are in each table."""
    return {name: ask(url, f"SELECT count(*) FROM {schema.SCHEMA}.{name}")[0][0] for name in TABLES}


def test_many_who_start_at_once_on_an_empty_database_make_one_set_of_tables(
    url: str, postgres: Postgres, job: str
) -> None:
    stores = [PostgresResultStore.connect(url, 60) for _ in range(12)]
    problems: list[BaseException] = []

    def start(number: int) -> None:
        try:
            stores[number].put_chunk(job, number, b"x")
        except BaseException as error:
            problems.append(error)

    at_once(12, start)
    assert problems == []
    assert stores[0].chunk_indexes(job) == set(range(12))
    assert ask(url, f"SELECT number FROM {schema.SCHEMA}.version") == [[1]]
    storage = "SELECT attstorage FROM pg_attribute WHERE attrelid = 'web_detector_results.chunk'::regclass"
    assert ask(url, f"{storage} AND attname = 'data'") == [["e"]], "compressed already: not to be compressed again"
    for store in stores:
        store.close()


def test_tables_of_a_later_version_are_left_alone(url: str, job: str) -> None:
    with opened(url) as store:
        store.put_chunk(job, 0, b"x")
        ask(url, f"UPDATE {schema.SCHEMA}.version SET number = 99")
        with opened(url) as late, pytest.raises(StoreUnavailable, match="of version 99, and this process knows 1"):
            late.chunk_indexes(job)
        ask(url, f"UPDATE {schema.SCHEMA}.version SET number = 1")
        assert store.chunk_indexes(job) == {0}


def test_tables_of_an_earlier_version_are_brought_up(url: str, job: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(url) as store:
        store.put_chunk(job, 0, b"x")
    monkeypatch.setattr(schema, "_STEPS", (*schema._STEPS, "ALTER TABLE job ADD note text"))
    with opened(url) as store:
        assert store.chunk_indexes(job) == {0}
    assert ask(url, f"SELECT note FROM {schema.SCHEMA}.job") == [[None]]


def test_a_store_that_was_emptied_under_it_makes_its_tables_again(
    url: str, store: PostgresResultStore, job: str
) -> None:
    fill(store, job)
    ask(url, f"DROP SCHEMA {schema.SCHEMA} CASCADE")
    assert store.get_layout(job) is None
    assert store.put_chunk(job, 0, b"again")


def test_every_byte_and_a_large_chunk_come_back(store: PostgresResultStore, job: str) -> None:
    data = bytes(range(256)) * 4096
    assert store.put_chunk(job, 0, data)
    assert store.get_chunk(job, 0) == data


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is over is cleared away at once."""
    monkeypatch.setattr(store_module, "_GRACE_SECONDS", 0)


def test_what_is_over_is_cleared_away(url: str, store: PostgresResultStore, now: None) -> None:
    faded, forgotten, kept = (str(uuid.uuid4()) for _ in range(3))
    with closing(PostgresResultStore.connect(url, 1)) as short:
        fill(short, faded)
    fill(store, forgotten)
    fill(store, kept)
    store.forget(forgotten)
    time.sleep(1.1)
    assert store.put_chunk(faded, 9, b"a new life")
    assert counts(url)["job"] == 4, "what is cut off waits for the sweep"
    assert store.sweep() == 2
    assert counts(url) == {"job": 2, "chunk": 2, "attempt": 1, "progress": 1, "state": 3, "lease": 2}
    assert store.get_chunk(kept, 0) == b"data"
    assert store.chunk_indexes(faded) == {9}
    assert store.sweep() == 0


def test_a_large_job_is_cleared_away_in_bites(
    url: str, store: PostgresResultStore, now: None, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "_SWEPT_CHUNKS", 3)
    monkeypatch.setattr(store_module, "_SWEPT_BITES", 2)
    for index in range(14):
        store.put_chunk(job, index, b"x")
    store.forget(job)
    left = []
    while counts(url)["job"]:
        store.sweep()
        left.append(counts(url)["chunk"])
    assert left == [8, 2, 0]


def test_sweeping_hits_nothing_that_is_written_meanwhile(url: str, now: None) -> None:
    """Jobs come, fade, are forgotten and come again while others sweep all the time."""
    done = threading.Event()
    problems: list[object] = []

    def guarded(call: Callable[[int], None]) -> Callable[[int], None]:
        def run(number: int) -> None:
            try:
                call(number)
            except BaseException as error:
                problems.append(error)
                done.set()

        return run

    def work(number: int) -> None:
        with opened(url) as mine:
            if number < 2:
                while not done.is_set():
                    mine.sweep()
                return
            for turn in range(15):
                name = f"job-{number}"
                for index in range(5):
                    mine.put_chunk(name, index, b"%d" % turn)
                found = [mine.get_chunk(name, index) for index in range(5)]
                if found != [b"%d" % turn] * 5:
                    problems.append(found)
                mine.forget(name)
                if mine.chunk_indexes(name):
                    problems.append(f"{name} is still there")
            if number == 5:
                done.set()

    at_once(6, guarded(work))
    assert problems == []
    with opened(url) as store:
        store.sweep()
    assert counts(url)["chunk"] == 0
