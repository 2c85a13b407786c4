"""What every store of running jobs must do: the fake in memory, and the real ones on real servers."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import redis

from contracts.errors import SettingsError, StoreUnavailable
from contracts.results.open import open_result_store
from contracts.results.port import Cost, Hold, Progress, ResultStore, Sign, Standing
from contracts.results.postgres.store import PostgresResultStore
from contracts.results.redis_store import RedisResultStore
from tests.support.fakes import MemoryResultStore
from tests.support.results.stored_results import at_once, fill, layout
from tests.support.servers.debian import Postgres
from tests.support.servers.valkey import Valkey
from tests.support.waiting import until

Make = Callable[[int], ResultStore]


@pytest.fixture
def client(valkey: Valkey) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(valkey.url) as connected:
        yield connected


@pytest.fixture(scope="module")
def database(postgres: Postgres) -> str:
    """The URL of a database of its own."""
    return postgres.create(f"results-{uuid.uuid4().hex[:8]}")


@pytest.fixture(params=["memory", "valkey", "postgres"])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """A store by the seconds that a job's data lives."""
    if request.param == "memory":
        yield MemoryResultStore(0).lasting
    elif request.param == "valkey":
        client = request.getfixturevalue("client")
        yield lambda ttl: RedisResultStore(client, ttl)
    else:
        url = request.getfixturevalue("database")
        with ExitStack() as stack:
            yield lambda ttl: stack.enter_context(closing(PostgresResultStore.connect(url, ttl)))


@pytest.fixture
def store(make: Make) -> ResultStore:
    return make(100)


@pytest.fixture
def job() -> str:
    return str(uuid.uuid4())


def test_an_unknown_job_has_nothing(store: ResultStore, job: str) -> None:
    assert store.get_chunk(job, 0) is None
    assert not store.has_chunk(job, 0)
    assert store.chunk_indexes(job) == frozenset()
    assert store.get_layout(job) is None
    assert store.attempts(job) == {}
    assert store.progress(job) == Progress(0, 0.0)
    assert store.runtime(job) is None
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
    assert [store.has_chunk(job, index) for index in (0, 3, 10)] == [False, True, True]


def test_a_layout_comes_back_equal(store: ResultStore, job: str) -> None:
    store.put_layout(job, layout())
    assert store.get_layout(job) == layout()


def test_the_last_note_of_a_name_stays_until_the_job_is_forgotten(store: ResultStore, job: str) -> None:
    assert store.get_note(job, "cancel") is None
    for data in (b"\x00before\xff", b"\x00after\xff"):
        store.put_note(job, "cancel", data)
    store.put_note(job, "other", b"")
    assert (store.get_note(job, "cancel"), store.get_note(job, "other")) == (b"\x00after\xff", b"")
    assert not store.cancelled(job), "names of notes are not those of the store"
    store.forget(job)
    assert store.get_note(job, "cancel") is None


def test_attempts_are_counted_by_chunk(store: ResultStore, job: str) -> None:
    assert [store.begin_attempt(job, 0), store.begin_attempt(job, 0), store.begin_attempt(job, 7)] == [1, 2, 1]
    assert store.attempts(job) == {0: 2, 7: 1}


def test_withdrawn_attempt_is_not_counted(store: ResultStore, job: str) -> None:
    for index in (0, 0, 7):
        store.begin_attempt(job, index)
    for index in (0, 7, 8):
        store.withdraw_attempt(job, index)
    assert store.attempts(job) == {0: 1}
    assert [store.begin_attempt(job, index) for index in (0, 7, 8)] == [2, 1, 1]


def test_lease_has_one_owner(store: ResultStore, job: str) -> None:
    assert store.take_lease(job, 0, "a", 60)
    assert store.take_lease(job, 0, "a", 60), "a sign of life"
    assert not store.take_lease(job, 0, "b", 60)
    assert store.take_lease(job, 1, "b", 60)
    store.release_lease(job, 0, "b")
    assert store.leased(job, 0), "another's lease was given away"
    store.release_lease(job, 0, "a")
    assert not store.leased(job, 0)
    assert store.leased(job, 1)
    assert store.take_lease(job, 0, "b", 60)


def test_lease_without_heartbeat_expires(store: ResultStore, job: str) -> None:
    assert store.take_lease(job, 0, "a", 1)
    assert store.take_lease(job, 0, "a", 60)
    time.sleep(1.1)
    assert not store.take_lease(job, 0, "b", 1)
    assert store.take_lease(job, 0, "a", 1)
    time.sleep(1.1)
    assert not store.leased(job, 0)
    assert store.take_lease(job, 0, "b", 1)


def test_a_repeated_chunk_does_not_count_twice_in_the_progress(store: ResultStore, job: str) -> None:
    store.set_progress(job, 0, 20, 0.5)
    store.set_progress(job, 1, 10, 0.25)
    store.set_progress(job, 0, 5, 0.125)
    assert store.progress(job) == Progress(15, 0.375)


def test_a_sign_of_life_renews_the_lease_and_counts(store: ResultStore, job: str) -> None:
    hold, sign = Hold(0, "a", 60), Sign(1, 20, 0.5, "0:first", Cost(1.25, 12))
    assert store.report(job, hold, sign) == Standing(held=True, cancelled=False)
    assert store.leased(job, 0)
    assert not store.leased(job, 1), "the lease of a run is on its first chunk, its progress on another"
    assert store.progress(job) == Progress(20, 0.5, Cost(1.25, 12))
    store.report(job, hold, Sign(1, 24, 0.75, "0:first", Cost(2.5, 16)))
    assert store.progress(job) == Progress(24, 0.75, Cost(2.5, 16))
    store.request_cancel(job)
    assert store.report(job, hold, sign) == Standing(held=True, cancelled=True)


def test_a_sign_of_life_after_the_lease_was_lost_says_so_and_counts_as_cost_only(store: ResultStore, job: str) -> None:
    store.take_lease(job, 0, "b", 60)
    store.set_progress(job, 0, 20, 0.5)
    late = store.report(job, Hold(0, "a", 60), Sign(0, 8, 9.0, "0:first", Cost(1.25, 8)))
    assert late == Standing(held=False, cancelled=False)
    assert store.progress(job) == Progress(20, 0.5, Cost(1.25, 8))
    assert not store.take_lease(job, 0, "a", 60)


def test_signs_of_life_keep_a_lease(store: ResultStore, job: str) -> None:
    sign = Sign(0, 8, 0.5, "0:first", Cost(0.5, 8))
    assert store.take_lease(job, 0, "a", 1)
    assert store.report(job, Hold(0, "a", 60), sign).held
    assert store.take_lease(job, 1, "a", 1)
    until(lambda: not store.leased(job, 1))  # taken later than the first, so that one would be over too
    assert not store.take_lease(job, 0, "b", 60)
    assert store.report(job, Hold(0, "a", 1), sign).held
    until(lambda: not store.leased(job, 0))


def test_cost_is_the_sum_over_all_attempts(store: ResultStore, job: str) -> None:
    other = str(uuid.uuid4())
    store.put_layout(job, layout())
    store.set_cost(job, "0:first", Cost(0.5, 0))
    store.set_cost(job, "0:first", Cost(1.25, 0))
    store.set_cost(job, "0:second", Cost(0.75, 20))
    store.set_progress(job, 0, 20, 0.5)
    assert store.progress(job) == Progress(20, 0.5, Cost(2.0, 20))
    store.set_cost(other, "0:first", Cost(0.125, 3))
    assert store.progress_of([other, job]) == [Progress(0, 0.0, Cost(0.125, 3)), store.progress(job)]
    store.forget(job)
    assert store.progress(job) == Progress(0, 0.0)


def test_progress_of_several_jobs_is_read_at_once(store: ResultStore, job: str) -> None:
    other, nobody = str(uuid.uuid4()), str(uuid.uuid4())
    store.set_progress(job, 0, 20, 0.5)
    store.set_progress(other, 0, 7, 0.125)
    store.set_progress(other, 1, 1, 0.125)
    none = Progress(0, 0.0)
    assert store.progress_of([nobody, other, job, job]) == [none, Progress(8, 0.25), *[Progress(20, 0.5)] * 2]
    assert store.progress_of([]) == []


def test_first_runtime_is_fixed(store: ResultStore, job: str) -> None:
    assert store.fix_runtime(job, "bf16") == "bf16"
    assert store.fix_runtime(job, "fp32") == "bf16"
    assert store.runtime(job) == "bf16"


def test_cancellation_affects_only_its_job(store: ResultStore, job: str) -> None:
    store.request_cancel(job)
    assert store.cancelled(job)
    assert not store.cancelled(str(uuid.uuid4()))


def test_forget_removes_only_the_job(store: ResultStore, job: str) -> None:
    other = str(uuid.uuid4())
    for name in (job, other):
        fill(store, name)
    store.forget(job)
    test_an_unknown_job_has_nothing(store, job)
    assert store.get_chunk(other, 0) == b"data"
    assert store.leased(other, 0)


def test_chunks_of_a_job_that_has_ended_go_where_they_take_memory(make: Make, job: str) -> None:
    store = make(600)
    store.put_layout(job, layout())
    store.put_chunk(job, 0, b"data")
    store.set_progress(job, 0, 1, 0.1)
    store.put_note(job, "along", b"much")
    known = store.progress(job)
    store.retire(job, 1)
    assert store.cancelled(job), "a detector would compute chunks that come late"
    store.put_chunk(job, 1, b"late")
    if not isinstance(store, PostgresResultStore):
        until(lambda: not store.has_chunk(job, 0))
    assert store.get_layout(job) == layout()
    assert store.progress(job) == known
    store.drop_notes(job)
    assert store.get_note(job, "along") is None
    assert store.get_layout(job) == layout()
    assert store.cancelled(job)


def test_no_chunk_lives_longer_for_the_end_of_its_job(make: Make, job: str) -> None:
    store, short = make(600), make(2)
    fill(store, job)
    short.touch(job)
    short.retire(job, 600)
    until(lambda: not store.has_chunk(job, 0))


def test_chunks_of_a_job_that_has_ended_go_from_a_server_that_is_full(client: redis.Redis, job: str) -> None:
    store = RedisResultStore(client, 600)
    store.put_chunk(job, 0, b"data")
    client.config_set("maxmemory", 1)
    try:
        with pytest.raises(StoreUnavailable, match="OutOfMemory"):
            store.retire(job, 60)
    finally:
        client.config_set("maxmemory", 0)
    [chunks] = client.scan_iter(match=f"*{job}:chunks")
    assert int(client.ttl(chunks)) <= 60


def live_out(store: ResultStore) -> None:
    """Return when what this store has touched before has expired: what it writes now does so after that."""
    witness = str(uuid.uuid4())
    store.put_chunk(witness, 0, b"")
    until(lambda: not store.has_chunk(witness, 0))


def test_untouched_job_expires(make: Make, job: str) -> None:
    store, short, shortest = make(600), make(3), make(1)
    fill(store, job)
    store.release_lease(job, 0, "owner")
    short.touch(job)
    store.touch(job)  # right after it, however slow it was to connect and to fill
    live_out(short)
    assert store.get_chunk(job, 0) == b"data"
    assert store.get_layout(job) == layout()
    shortest.touch(job)
    live_out(shortest)
    test_an_unknown_job_has_nothing(store, job)


def test_expired_job_starts_empty(make: Make, job: str) -> None:
    store, shortest = make(600), make(1)
    fill(store, job)
    shortest.touch(job)
    live_out(shortest)
    assert store.begin_attempt(job, 5) == 1
    assert store.attempts(job) == {5: 1}
    assert store.chunk_indexes(job) == frozenset()
    assert store.runtime(job) is None


def test_sweep_keeps_live_jobs(store: ResultStore, job: str) -> None:
    fill(store, job)
    store.sweep()
    assert store.get_chunk(job, 0) == b"data"
    assert store.leased(job, 0)


def test_a_store_that_is_there_answers(store: ResultStore) -> None:
    store.ping()
    store.put_chunk("job", 0, b"x")
    assert store.size() > 0


@pytest.fixture(params=["valkey", "postgres"])
def stores(request: pytest.FixtureRequest) -> Iterator[Callable[[], ResultStore]]:
    """More and more clients of one server, as processes have them."""
    with ExitStack() as stack:

        def another() -> ResultStore:
            if request.param == "postgres":
                url = request.getfixturevalue("database")
                return stack.enter_context(closing(PostgresResultStore.connect(url, 60)))
            url = request.getfixturevalue("valkey").url
            return RedisResultStore(stack.enter_context(redis.Redis.from_url(url)), 60)

        yield another


def test_one_of_many_concurrent_writers_wins(stores: Callable[[], ResultStore], job: str) -> None:
    results: list[tuple[bool, bytes]] = []
    clients = [stores() for _ in range(8)]
    values = [b"%d" % number for number in range(8)]
    at_once(8, lambda number: results.append((clients[number].put_chunk(job, 0, values[number]), values[number])))
    ((_, kept),) = [result for result in results if result[0]]
    assert len(results) == 8
    assert clients[0].get_chunk(job, 0) == kept


def test_concurrent_attempts_are_counted_exactly(stores: Callable[[], ResultStore], job: str) -> None:
    counts: list[int] = []
    clients = [stores(), stores()]

    def count(number: int) -> None:
        counts.extend(clients[number % 2].begin_attempt(job, 3) for _ in range(10))

    at_once(12, count)
    assert sorted(counts) == list(range(1, 121))
    assert clients[0].attempts(job) == {3: 120}


def test_expired_lease_goes_to_one_of_many(stores: Callable[[], ResultStore], job: str) -> None:
    clients = [stores() for _ in range(8)]
    assert clients[0].take_lease(job, 0, "dead", 1)
    time.sleep(1.1)
    taken: list[bool] = []
    at_once(8, lambda number: taken.append(clients[number].take_lease(job, 0, f"worker-{number}", 60)))
    assert sorted(taken) == [False] * 7 + [True]


def test_one_of_many_concurrent_runtimes_is_fixed(stores: Callable[[], ResultStore], job: str) -> None:
    clients, said = [stores() for _ in range(8)], list[str]()
    at_once(8, lambda number: said.append(clients[number].fix_runtime(job, f"p{number}")))
    assert len(said) == 8
    assert set(said) == {clients[0].runtime(job)}


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("redis://there", RedisResultStore),
        ("rediss://there", RedisResultStore),
        ("unix:///there.sock", RedisResultStore),
        ("postgresql://u@there", PostgresResultStore),
        ("postgresql+pg8000://u@there", PostgresResultStore),
    ],
)
def test_the_url_chooses_the_store_and_nothing_connects(url: str, kind: type[object]) -> None:
    assert type(open_result_store(url, 60)) is kind


def test_an_unknown_store_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(SettingsError, match="redis://, rediss://, unix://, postgresql\\+pg8000://, postgresql://"):
        open_result_store("mongodb://u:p@there", 60)


def test_unreachable_redis_raises_store_unavailable(tmp_path: Path) -> None:
    store = RedisResultStore.connect(f"unix://{tmp_path}/none.sock", 60)
    asks: list[Callable[[], object]] = [
        store.ping,
        lambda: store.cancelled("job"),
        lambda: store.put_chunk("job", 0, b"x"),
        lambda: store.take_lease("job", 0, "a", 60),
        lambda: store.report("job", Hold(0, "a", 60), Sign(0, 8, 0.5, "0:first", Cost())),
    ]
    for ask in asks:
        with pytest.raises(StoreUnavailable):
            ask()


def test_every_key_of_a_job_expires(client: redis.Redis, job: str) -> None:
    fill(RedisResultStore(client, 60), job)
    keys = list(client.scan_iter(match=f"*{job}*"))
    assert len(keys) == 5
    assert all(0 < int(client.ttl(key)) <= 60 for key in keys)


def test_jobs_that_nobody_writes_to_are_idle(make: Make, job: str) -> None:
    store = make(10)
    other = str(uuid.uuid4())
    fill(store, job)
    fill(store, other)
    assert not {job, other} & store.idle(30)
    time.sleep(2.1)
    assert {job, other} <= store.idle(1.5)

    def written() -> bool:
        store.touch(job)
        store.set_progress(other, 1, 2, 0.1)
        return not {job, other} & store.idle(1.5)

    until(written)
    assert {job, other} <= store.idle(0)
    store.forget(job)
    assert job not in store.idle(0)
