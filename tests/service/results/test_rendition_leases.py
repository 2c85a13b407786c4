"""Who makes a rendition, and what becomes of one whose renderer is gone: on a real Valkey, tables and a folder."""

import signal
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from sqlalchemy import Engine, delete, update
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.orm import Session

from contracts.coordination import names
from contracts.coordination.leases import Coordination, LockState
from contracts.database.engine import open_database
from contracts.database.tables import Base, Rendition, User, Video, utcnow
from contracts.errors import StorageUnavailable
from contracts.models.catalogue import Catalogue
from contracts.results.codec import compress
from contracts.results.redis_store import RedisResultStore
from contracts.settings.table import Settings
from contracts.storage.local import LocalStorage
from contracts.storage.port import index_key, rendition_key, video_key
from contracts.wire.messages import encode, to_json
from contracts.wire.renditions import RenditionState, render_queue
from contracts.workers.celery_app import create_celery
from processor.context import Services
from processor.periodic import recover
from processor.renditions import ask, steps
from processor.renditions.protocol import Report
from processor.repository import Repository
from tests.media.rendering.test_rendering import grey, probed
from tests.support.servers.valkey import Valkey

VIDEO = "0a1f4d36-32a3-4d0c-9a5e-5f0a3a3f7a10"


class Bench:
    """The processor's parts, and a probed video in them with a poster that waits."""

    def __init__(self, folder: Path, valkey: Valkey) -> None:
        url = f"sqlite:///{folder}/tables.sqlite"
        settings = Settings(
            data_dir=str(folder), database_url=url, broker_url=valkey.broker_url, result_store_url=valkey.url
        )
        self.engine: Engine = open_database(url)
        Base.metadata.create_all(self.engine)
        self.storage = LocalStorage(settings.storage_path)
        self.services = Services(
            settings=settings,
            catalogue=Catalogue(folder),
            celery=create_celery(settings),
            storage=self.storage,
            store=RedisResultStore.connect(valkey.url, 60),
            coordination=Coordination.connect(valkey.url),
            repository=Repository(self.engine),
            live=redis.Redis.from_url(valkey.url),
        )
        content = grey(5)
        media, index = probed(content)
        for key, data in ((video_key(VIDEO), content), (index_key(VIDEO), compress(encode(index)))):
            with self.storage.create(key) as sink:
                sink.write(data)
        with Session(self.engine) as session, session.begin():
            session.add(User(id="u", username="u", password_hash="-"))
            session.flush()
            session.add(
                Video(
                    id=VIDEO,
                    user_id="u",
                    content_type="video/mp4",
                    tags=[],
                    size_bytes=1,
                    sha256="",
                    media=to_json(media),
                )
            )
        poster = self.services.repository.add_poster(VIDEO)
        assert poster is not None
        self.poster = poster
        self.emptied()
        self.services.coordination.reset_count(self.tries)
        self.services.coordination.release(names.rendition_lease(poster.id))

    @property
    def tries(self) -> str:
        return names.rendition_attempts(self.poster.id, self.row.created_at)

    @property
    def row(self) -> Rendition:
        row = self.services.repository.rendition(self.poster.id)
        assert row is not None
        return row

    def change(self, **values: object) -> None:
        with Session(self.engine) as session, session.begin():
            session.execute(update(Rendition).values(**values))

    def render(self) -> RenditionState:
        steps.render(self.services, self.poster.id)
        return RenditionState(self.row.state)

    def emptied(self) -> int:
        """How many messages were in the queue of posters, in which there is none now."""
        with self.services.celery.connection_for_read() as connection:
            return int(connection.default_channel.queue_purge(render_queue("poster")) or 0)


@pytest.fixture
def bench(tmp_path: Path, valkey: Valkey) -> Iterator[Bench]:
    made = Bench(tmp_path, valkey)
    yield made
    made.services.live.close()
    made.engine.dispose()


def test_rendition_is_made_once(bench: Bench) -> None:
    assert bench.services.repository.add_poster(VIDEO) is None
    assert bench.render() == RenditionState.READY
    row = bench.row
    key = rendition_key(VIDEO, None, "poster")
    assert (row.content_type, row.size_bytes) == ("image/jpeg", bench.storage.size(key))
    bench.storage.delete(key)
    assert bench.render() == RenditionState.READY  # a second message: nobody makes it again
    assert bench.row.finished_at == row.finished_at
    assert not bench.services.coordination.is_held(names.rendition_lease(row.id))


def test_leased_rendition_is_left_alone(bench: Bench) -> None:
    assert bench.services.coordination.acquire(names.rendition_lease(bench.row.id), 60)
    assert bench.render() == RenditionState.QUEUED
    assert bench.services.coordination.is_held(names.rendition_lease(bench.row.id))


def test_renderer_that_was_away_takes_no_lease_from_the_next_one(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a suspension that outlives the lease: the next renderer has begun."""
    locks, lease = bench.services.coordination.locks, names.rendition_lease(bench.row.id)

    def suspended(*arguments: object) -> Report:
        bench.services.coordination.release(lease)
        assert locks.acquire(lease, "next", 60)
        return made(*arguments)  # type: ignore[arg-type]

    made = ask.make
    monkeypatch.setattr(steps, "make", suspended)
    assert bench.render() == RenditionState.RUNNING  # the next one's
    assert locks.renew(lease, "next", 60) is not LockState.LOST
    assert bench.emptied() == 0


def test_rendition_that_kills_its_renderer_repeatedly_fails(bench: Bench) -> None:
    for _ in range(steps.MOST_TRIES):  # each begun, and never ended
        bench.services.coordination.count(bench.tries, 60)
    bench.change(state="running")
    assert bench.render() == RenditionState.FAILED
    assert bench.row.error is not None
    assert "in 3 tries" in bench.row.error["detail"]
    # Asked for anew it has its tries again.
    bench.change(state="queued", error=None, created_at=utcnow())
    assert bench.render() == RenditionState.READY


def test_rendition_whose_renderer_is_killed_is_made_by_a_later_try(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        ask._outcome(-signal.SIGKILL, b"")

    with monkeypatch.context() as patched:
        patched.setattr(steps, "make", killed)
        for _ in range(steps.MOST_TRIES - 1):
            assert bench.render() == RenditionState.RUNNING
    assert not bench.services.coordination.is_held(names.rendition_lease(bench.row.id))
    assert bench.render() == RenditionState.READY
    assert bench.services.coordination.count(bench.tries, 60) == steps.MOST_TRIES + 1, "each of them counts"


@pytest.mark.parametrize("away", [StorageUnavailable("away"), OperationalError("SELECT", {}, Exception("away"))])
def test_an_outage_is_no_try_and_waited_for(bench: Bench, monkeypatch: pytest.MonkeyPatch, away: Exception) -> None:
    with monkeypatch.context() as patched:

        def unavailable(*_: object) -> None:
            raise away

        patched.setattr(bench.storage, "open", unavailable)
        for _ in range(steps.MOST_TRIES + 1):
            with pytest.raises(type(away)):
                bench.render()
            assert bench.row.state == RenditionState.RUNNING
    assert not bench.services.coordination.is_held(names.rendition_lease(bench.row.id))
    assert bench.render() == RenditionState.READY


@pytest.mark.parametrize(("code", "counts"), [("57014", True), ("57P01", False)])
def test_one_that_the_database_does_not_begin_in_time_is_tried_later_and_an_outage_is_no_try(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, code: str, counts: bool
) -> None:
    coordination, lease = bench.services.coordination, names.rendition_lease(bench.row.id)

    def fail(*_: object, **__: object) -> None:
        raise ProgrammingError("UPDATE", {}, Exception({"C": code}))

    pauses = []
    with monkeypatch.context() as patched:
        patched.setattr(bench.services.repository, "move_rendition", fail)
        for _ in range(steps.MOST_TRIES):
            with pytest.raises(ProgrammingError):
                bench.render()
            pauses.append(coordination.is_held(lease))
            if pauses[-1]:
                assert bench.render() == RenditionState.QUEUED  # another message does nothing meanwhile
            coordination.release(lease)
    assert pauses == ([True, True, False] if counts else [False] * 3)
    assert bench.render() == (RenditionState.FAILED if counts else RenditionState.READY)


def test_rendition_of_a_missing_video_fails_with_the_reason(bench: Bench) -> None:
    bench.storage.delete(video_key(VIDEO))
    assert bench.render() == RenditionState.FAILED
    assert bench.row.error is not None
    assert bench.row.error["code"] == "not_found"


def test_renderer_returns_its_rendition_at_shutdown(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    leaving = threading.Event()
    leaving.set()
    monkeypatch.setattr(steps, "leaving", leaving)
    monkeypatch.setattr("media.child_output.TICK_SECONDS", 0.01)
    for _ in range(steps.MOST_TRIES + 1):  # leaving is no failed try
        assert bench.render() == RenditionState.QUEUED
    assert bench.emptied() == steps.MOST_TRIES + 1
    leaving.clear()
    assert bench.render() == RenditionState.READY


def test_rendition_of_a_later_release_is_left_to_it(bench: Bench) -> None:
    """During an upgrade."""
    bench.change(kind="hologram")
    for _ in range(steps.MOST_TRIES + 1):
        assert bench.render() == RenditionState.QUEUED
    bench.change(kind="playable")
    assert bench.render() == RenditionState.READY


def test_rendition_deleted_at_the_last_moment_leaves_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    create = bench.storage.create

    def deleting(key: str) -> object:
        with Session(bench.engine) as session, session.begin():
            session.execute(delete(Rendition))
        return create(key)

    monkeypatch.setattr(bench.storage, "create", deleting)
    steps.render(bench.services, bench.poster.id)
    monkeypatch.undo()
    assert not (Path(bench.services.settings.storage_path) / rendition_key(VIDEO, None, "poster")).exists()


def test_rendition_requested_again_while_running_is_restarted(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    create = bench.storage.create

    def asking(key: str) -> object:
        bench.change(state="queued", created_at=utcnow() + timedelta(seconds=1))
        return create(key)

    with monkeypatch.context() as patched:
        patched.setattr(bench.storage, "create", asking)
        assert bench.render() == RenditionState.QUEUED  # what was made is of no use
    assert bench.emptied() == 1
    assert bench.render() == RenditionState.READY


@pytest.mark.parametrize("state", ["queued", "running"])
def test_reaper_resends_lost_renditions_with_backoff(bench: Bench, state: str) -> None:
    bench.change(state=state)
    recover(bench.services)
    assert bench.emptied() == 0  # it may just have been sent
    bench.change(created_at=utcnow() - timedelta(seconds=40))
    bench.services.coordination.renew(names.rendition_lease(bench.row.id), 60)
    recover(bench.services)
    assert bench.emptied() == 0  # somebody is at it
    bench.services.coordination.release(names.rendition_lease(bench.row.id))
    bench.services.coordination.release(names.resend_rendition(bench.poster.id))
    recover(bench.services)
    recover(bench.services)
    assert bench.emptied() == 1
    bench.services.coordination.release(names.resend_rendition(bench.poster.id))
    bench.change(state="ready")
    recover(bench.services)
    assert bench.emptied() == 0
