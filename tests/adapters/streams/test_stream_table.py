"""Streams in the database, and what of them is published, on SQLite and PostgreSQL, with a real Valkey."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from msgspec.structs import replace
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import Engine, delete, update
from sqlalchemy.orm import Session

from api.access.quotas import UserQuotas
from api.live.publishing import Publisher
from api.live.stream_document import documents
from api.tables.streams import StreamTable
from contracts.database.engine import Database, open_database
from contracts.database.tables import Base, Stream, Upload, User, new_id, utcnow
from contracts.errors import NotFound, StreamQuotaReached
from contracts.live.registry import StreamRegistry
from contracts.live.spec_of import STORAGE_USED_UP
from contracts.live.streams import RecordingOptions, StreamSpec
from contracts.settings.table import Settings
from tests.support.servers.debian import Postgres
from tests.support.servers.valkey import Valkey


class Bench:
    def __init__(self, engine: Engine, client: "redis.Redis") -> None:
        self.engine, self.redis = engine, client
        self.table = StreamTable(engine)
        self.registry = StreamRegistry(client)
        self.user = User(id=new_id(), username=new_id()[:8], password_hash="")
        with Database(engine).write() as session:
            session.add(self.user)

    def add(self, guard: Callable[[Session], None] = lambda _: None, **values: Any) -> Stream:
        fields: dict[str, Any] = {"name": "door", "kind": "rtsp", "model": "m", "options": {}, "wanted": "running"}
        return self.table.add(Stream(id=new_id(), user_id=self.user.id, revision=1, **fields | values), guard)

    def publisher(self, client: "redis.Redis | None" = None, table: StreamTable | None = None) -> Publisher:
        quotas = UserQuotas(Settings(), self.engine, self.redis)
        return Publisher(table or self.table, quotas, client or self.redis)

    def change(self, stream: Stream, **values: Any) -> Stream:
        return self.table.change(self.user.id, stream.id, lambda _: values)[0]


@pytest.fixture(params=["sqlite", "postgres"])
def bench(request: pytest.FixtureRequest, tmp_path: Path, valkey: Valkey) -> Iterator[Bench]:
    url = f"sqlite:///{tmp_path}/tables.sqlite"
    if request.param == "postgres":
        server: Postgres = request.getfixturevalue("postgres")
        url = server.create(f"streams-{new_id()[:8]}")
    engine = open_database(url)
    Base.metadata.create_all(engine)
    with redis.Redis.from_url(valkey.url.replace("db=1", "db=8")) as client:
        client.flushdb()
        yield Bench(engine, client)
        client.flushdb()
    engine.dispose()


def test_streams_added_at_once_do_not_exceed_the_quota(bench: Bench) -> None:
    quotas = UserQuotas(Settings(quota_streams=2), bench.engine, bench.redis)

    def add(_: int) -> bool:
        try:
            bench.add(quotas.guard_stream(bench.user.id))
        except StreamQuotaReached:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(add, range(6))) == [False] * 4 + [True] * 2


def test_changes_made_at_once_are_all_kept_and_the_newest_is_published(bench: Bench) -> None:
    made = bench.add(sealed=bytes(range(256)))
    publisher = bench.publisher()
    publisher.publish(made.id)
    assert bench.registry.sealed_address(made.id) == bytes(range(256))

    def change(number: int) -> None:
        bench.change(made, options={"max_fps": number + 1})
        publisher.publish(made.id)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(change, range(6)))
    row = bench.table.get(bench.user.id, made.id)
    spec = bench.registry.read()[made.id]
    assert (row.revision, spec.revision) == (7, 7)
    assert spec.options.max_fps == row.options["max_fps"]
    assert spec.created_at == row.created_at.timestamp()


def test_an_older_row_that_is_published_late_is_replaced_by_the_newer_one(bench: Bench) -> None:
    made = bench.add()

    class Late(StreamTable):
        """Between reading the row and publishing it, another process changes it and publishes that."""

        def find(self, stream_id: str) -> Stream | None:
            row = super().find(stream_id)
            if row is not None and row.revision == 1:
                bench.change(made, model="n")
                bench.publisher().publish(made.id)
            return row

    bench.publisher(table=Late(bench.engine)).publish(made.id)
    assert bench.registry.read()[made.id].model == "n"


def test_a_change_of_a_stream_does_not_record_it_for_a_user_without_room(bench: Bench) -> None:
    def give(stored_bytes: int) -> None:
        with Database(bench.engine).write() as session:
            session.execute(update(User).where(User.id == bench.user.id).values(quotas={"stored_bytes": stored_bytes}))

    def seen(made: Stream) -> tuple[RecordingOptions | None, str]:
        bench.publisher().publish(made.id)
        spec = bench.registry.read()[made.id]
        return spec.record, spec.record_stopped

    with Database(bench.engine).write() as session:
        values = {"size_bytes": 1000, "expires_at": utcnow() + timedelta(hours=1)}
        session.add(Upload(user_id=bench.user.id, facts={}, **values))
    give(1000)
    made, other = bench.add(record={"minutes": 1}), bench.add()
    assert seen(made) == (None, STORAGE_USED_UP)
    bench.change(made, options={"max_fps": 5})
    assert seen(made) == (None, STORAGE_USED_UP)
    assert seen(other) == (None, "")
    give(1001)
    assert seen(made) == (RecordingOptions(minutes=1), "")


def test_a_stream_that_is_deleted_meanwhile_is_not_left_published(bench: Bench) -> None:
    made = bench.add()

    class Deleting(StreamRegistry):
        def publish(self, spec: StreamSpec, sealed_address: bytes) -> None:
            bench.table.delete(bench.user.id, made.id)
            super().publish(spec, sealed_address)

    publisher = bench.publisher()
    publisher._registry = Deleting(bench.redis)
    publisher.publish(made.id)
    assert bench.registry.read() == {}


def test_what_is_published_while_all_rows_are_read_is_not_replaced_by_older_ones(bench: Bench) -> None:
    spec = StreamSpec("a", "user", "push", 1, 0.0, "m")
    newer, older = replace(spec, revision=2), {"a": (spec, b"")}
    bench.registry.publish(spec, b"")
    before = bench.registry.revision()
    bench.registry.publish(newer, b"")
    bench.registry.replace_all(older, before)
    assert bench.registry.read() == {"a": newer}

    class Interrupted:
        """Something is published between the look at the revision and the change."""

        @staticmethod
        def pipeline() -> Any:
            pipe = bench.redis.pipeline()
            begin = pipe.multi

            def multi() -> None:
                bench.registry.publish(replace(newer, revision=3), b"")
                begin()

            pipe.multi = multi  # type: ignore[method-assign]
            return pipe

    interrupted: Any = Interrupted()
    StreamRegistry(interrupted).replace_all(older, bench.registry.revision())
    assert bench.registry.read()["a"].revision == 3
    bench.registry.replace_all(older, bench.registry.revision())
    assert bench.registry.read() == {"a": spec}
    bench.registry.replace_all({})
    assert bench.registry.read() == {}


def test_without_redis_a_change_is_kept_and_the_processor_publishes_it(bench: Bench) -> None:
    made = bench.add()
    nowhere = redis.Redis(unix_socket_path="/nonexistent", retry=Retry(NoBackoff(), 0))
    bench.publisher(nowhere).publish(made.id)
    assert bench.table.get(bench.user.id, made.id).revision == 1


def test_states_of_a_list_are_read_in_one_round_trip(bench: Bench) -> None:
    rows = [bench.add() for _ in range(20)]
    bench.redis.config_resetstat()
    assert len(documents(bench.redis, rows)) == 20
    calls = {name: int(found["calls"]) for name, found in bench.redis.info("commandstats").items()}
    assert calls.get("cmdstat_mget") == 1
    assert "cmdstat_get" not in calls


def test_streams_go_with_their_user_and_belong_to_nobody_else(bench: Bench) -> None:
    made = bench.add()
    with pytest.raises(NotFound):
        bench.table.get(new_id(), made.id)
    with pytest.raises(NotFound):
        bench.table.delete(new_id(), made.id)
    with Database(bench.engine).write() as session:
        session.execute(delete(User).where(User.id == bench.user.id))
    assert bench.table.find(made.id) is None
    bench.publisher().publish(made.id)
    assert bench.registry.read() == {}
