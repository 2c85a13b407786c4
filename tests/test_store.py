"""What every store of running jobs must do: the fake in memory, and the real one on a real server."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator

import pytest
import redis

from contracts.messages import SCHEMA, FrameRange, Layout, Media, Options, Plan, ResultHeader
from contracts.store import Progress, RedisResultStore, ResultStore, reply_key
from tests.fakes import MemoryResultStore
from tests.valkey import Valkey

Make = Callable[[int], ResultStore]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    with Valkey(tmp_path_factory.mktemp("valkey")) as running:
        yield running


@pytest.fixture
def client(server: Valkey) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(server.url) as connected:
        yield connected


@pytest.fixture(params=["memory", "valkey"])
def make(request: pytest.FixtureRequest) -> Make:
    """A store by the seconds that a job's data lives."""
    if request.param == "memory":
        return MemoryResultStore
    client = request.getfixturevalue("client")
    return lambda ttl: RedisResultStore(client, ttl)


@pytest.fixture
def store(make: Make) -> ResultStore:
    return make(100)


@pytest.fixture
def job() -> str:
    return str(uuid.uuid4())


def layout() -> Layout:
    media = Media("mp4", "h264", 64, 48, 0, "1:1", 1000.0, 30, 30.0, False)
    plan = Plan("m", "0" * 64, "e", "auto", Options(labels=("cat",)))
    missing = (FrameRange(3, 4, "damaged"),)
    header = ResultHeader(SCHEMA, media, (1, 90_000), plan, ("cat", "dog"), False, missing)
    return Layout(header, (0, 20), (20, 10))


def test_an_unknown_job_has_nothing(store: ResultStore, job: str) -> None:
    assert store.get_chunk(job, 0) is None
    assert store.chunk_indexes(job) == frozenset()
    assert store.get_layout(job) is None
    assert store.attempts(job) == {}
    assert store.progress(job) == Progress(0, 0.0)
    assert store.precision(job) is None
    assert not store.cancelled(job)
    assert not store.leased(job, 0)
    store.touch(job)
    store.forget(job)


def test_the_first_result_of_a_chunk_stays(store: ResultStore, job: str) -> None:
    assert store.put_chunk(job, 3, b"\x00first\xff") is True
    assert store.put_chunk(job, 3, b"second") is False
    assert store.put_chunk(job, 10, b"") is True
    assert store.get_chunk(job, 3) == b"\x00first\xff"
    assert store.get_chunk(job, 10) == b""
    assert store.chunk_indexes(job) == {3, 10}


def test_a_layout_comes_back_equal(store: ResultStore, job: str) -> None:
    store.put_layout(job, layout())
    assert store.get_layout(job) == layout()


def test_attempts_are_counted_by_chunk(store: ResultStore, job: str) -> None:
    assert [store.begin_attempt(job, 0), store.begin_attempt(job, 0), store.begin_attempt(job, 7)] == [1, 2, 1]
    assert store.attempts(job) == {0: 2, 7: 1}


def test_a_chunk_is_in_the_hand_of_one(store: ResultStore, job: str) -> None:
    assert store.take_lease(job, 0, "a", 60)
    assert store.take_lease(job, 0, "a", 60), "a sign of life"
    assert not store.take_lease(job, 0, "b", 60)
    assert store.take_lease(job, 1, "b", 60)
    store.release_lease(job, 0)
    assert not store.leased(job, 0)
    assert store.leased(job, 1)
    assert store.take_lease(job, 0, "b", 60)


def test_a_lease_without_a_sign_of_life_runs_out(store: ResultStore, job: str) -> None:
    assert store.take_lease(job, 0, "a", 1)
    time.sleep(0.6)
    assert store.take_lease(job, 0, "a", 1)
    time.sleep(0.6)
    assert not store.take_lease(job, 0, "b", 1)
    time.sleep(0.6)
    assert not store.leased(job, 0)
    assert store.take_lease(job, 0, "b", 1)


def test_a_repeated_chunk_does_not_count_twice_in_the_progress(store: ResultStore, job: str) -> None:
    store.set_progress(job, 0, 20, 0.5)
    store.set_progress(job, 1, 10, 0.25)
    store.set_progress(job, 0, 5, 0.125)
    assert store.progress(job) == Progress(15, 0.375)


def test_the_first_precision_holds(store: ResultStore, job: str) -> None:
    assert store.fix_precision(job, "bf16") == "bf16"
    assert store.fix_precision(job, "fp32") == "bf16"
    assert store.precision(job) == "bf16"


def test_a_cancel_is_seen_by_its_job_alone(store: ResultStore, job: str) -> None:
    store.request_cancel(job)
    assert store.cancelled(job)
    assert not store.cancelled(str(uuid.uuid4()))


def test_forgetting_leaves_nothing_of_the_job_and_all_of_others(store: ResultStore, job: str) -> None:
    other = str(uuid.uuid4())
    for name in (job, other):
        fill(store, name)
    store.forget(job)
    test_an_unknown_job_has_nothing(store, job)
    assert store.get_chunk(other, 0) == b"data"
    assert store.leased(other, 0)


def test_a_job_that_nobody_touches_fades(make: Make, job: str) -> None:
    store = make(1)
    fill(store, job)
    store.release_lease(job, 0)
    time.sleep(0.6)
    store.touch(job)
    time.sleep(0.6)
    assert store.get_chunk(job, 0) == b"data"
    assert store.get_layout(job) == layout()
    time.sleep(0.6)
    test_an_unknown_job_has_nothing(store, job)


def test_a_turn_is_for_one_and_comes_again(store: ResultStore) -> None:
    name = str(uuid.uuid4())
    assert store.claim(name, 1)
    assert not store.claim(name, 1)
    assert store.claim(name + "-other", 1)
    time.sleep(1.1)
    assert store.claim(name, 1)


def test_a_reply_reaches_the_one_who_waits_and_fades(client: redis.Redis) -> None:
    store, name = RedisResultStore(client, 60), str(uuid.uuid4())
    sender = threading.Timer(0.2, store.reply, (name, b"answer", 60))
    sender.start()
    assert client.blpop([reply_key(name)], timeout=5) == (reply_key(name).encode(), b"answer")
    sender.join()
    store.reply(name, b"unheard", 60)
    assert 0 < int(client.ttl(reply_key(name))) <= 60


def test_one_of_many_is_first(server: Valkey, job: str) -> None:
    results: list[bool] = []

    def put(number: int) -> None:
        with redis.Redis.from_url(server.url) as own:
            results.append(RedisResultStore(own, 60).put_chunk(job, 0, b"%d" % number))

    threads = [threading.Thread(target=put, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [False] * 7 + [True]


def test_every_key_of_a_job_fades(client: redis.Redis, job: str) -> None:
    fill(RedisResultStore(client, 60), job)
    keys = list(client.scan_iter(match=f"*{job}*"))
    assert len(keys) == 5
    assert all(0 < int(client.ttl(key)) <= 60 for key in keys)


def fill(store: ResultStore, job: str) -> None:
    """Something of every kind."""
    store.put_layout(job, layout())
    store.put_chunk(job, 0, b"data")
    store.begin_attempt(job, 0)
    store.take_lease(job, 0, "owner", 60)
    store.set_progress(job, 0, 1, 0.1)
    store.fix_precision(job, "fp32")
    store.request_cancel(job)
