"""What the api tells of the whole service, from tables, result store and Redis."""

import socket
from collections.abc import Iterator
from contextlib import closing, nullcontext
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from api.tables.overview import Overview
from api.watch.service_watch import Kept, ServiceWatch
from contracts.database.tables import Base, Job, Stream, User, Video
from contracts.errors import StoreUnavailable, Unavailable
from contracts.live import presence
from contracts.live.presence import DetectorPresence, IngestPresence
from contracts.live.streams import StreamState
from contracts.metrics import table
from contracts.metrics.table import of_role
from contracts.settings.table import Settings
from contracts.workers.registration import Loaded, register
from tests.support.fakes import MemoryResultStore
from tests.support.servers.valkey import Valkey


@pytest.fixture
def client(valkey: Valkey) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(valkey.url.replace("db=1", "db=11")) as client:
        client.flushdb()
        yield client


@pytest.fixture
def overview(tmp_path: Path) -> Iterator[Overview]:
    engine = create_engine(f"sqlite:///{tmp_path / 'tables.sqlite'}")
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.add(User(id="u", username="u", password_hash=""))
        session.add(_video("v", 1000))
        for name, state, frames, sent in (
            ("q", "queued", None, 0),
            ("p", "planning", None, 0),
            ("r", "running", 300, 6),
            ("m", "merging", 50, 2),
            ("done", "succeeded", 50, 2),
        ):
            session.add(
                Job(
                    id=name,
                    user_id="u",
                    video_id="v",
                    model="x",
                    options={},
                    state=state,
                    frames_total=frames,
                    chunks_sent=sent,
                )
            )
        for name, wanted, options in (
            ("slow", "running", {"max_fps": 4}),
            ("fast", "running", {}),
            ("off", "stopped", {}),
        ):
            session.add(Stream(id=name, user_id="u", name=name, kind="rtsp", model="x", options=options, wanted=wanted))
    yield Overview(engine)
    engine.dispose()


def _video(name: str, frames: int) -> Video:
    media = {"frames": frames, "width": 1, "height": 1}
    return Video(id=name, user_id="u", content_type="video/mp4", tags=[], size_bytes=12_345, sha256="", media=media)


def watch(overview: Overview, client: "redis.Redis", folder: Path, store: Any = None) -> ServiceWatch:
    settings = Settings(data_dir=str(folder), scale_target_seconds=10)
    return ServiceWatch(settings, overview, store or MemoryResultStore(60), client)


def detector(client: "redis.Redis", role: Any, name: str, fps: float) -> None:
    loaded = [Loaded("x", "openvino", "1", "CPU", "CPU", "fp32", fps)]
    register(client, role, name, msgspec.json.encode(loaded))


def test_jobs_and_their_backlog(overview: Overview, client: "redis.Redis", tmp_path: Path) -> None:
    store = MemoryResultStore(60)
    store.put_chunk("r", 0, b"x")
    store.set_progress("r", 0, 24, 1.0)
    jobs = watch(overview, client, tmp_path, store).jobs()
    assert jobs.by_state == {"queued": 1, "planning": 1, "running": 1, "merging": 1}
    assert jobs.backlog == 2 * 1000 + 300 - 24
    assert jobs.outstanding == 5


def test_streams_want_what_comes_or_what_max_fps_allows(
    overview: Overview, client: "redis.Redis", tmp_path: Path
) -> None:
    for name in ("slow", "fast"):
        presence.write(client, name, IngestPresence("i", StreamState.LIVE, 4e9, fps=25))
        presence.write(client, name, DetectorPresence("d", fps=3))
    streams = watch(overview, client, tmp_path).streams()
    assert streams.by_state == {"live": 2, "stopped": 1}
    assert (streams.wanted, streams.served) == (29, 6)


def test_each_kind_of_detector_has_a_scale_by_its_measured_speed(
    overview: Overview, client: "redis.Redis", tmp_path: Path
) -> None:
    detector(client, "detector", "a", 20)
    detector(client, "detector", "b", 0)
    register(client, "live_detector", "c", b"[]")
    scales = watch(overview, client, tmp_path).scales()
    assert (scales["detector"].ratio, scales["detector"].wanted) == (230 / 40, 12)
    assert (scales["live_detector"].ratio, scales["live_detector"].processes) == (0, 1)


def test_all_gauges_of_the_api_are_read(overview: Overview, client: "redis.Redis", tmp_path: Path) -> None:
    found = watch(overview, client, tmp_path / "not there yet")
    found.servers = lambda: {"database": True, "broker": False}
    readings = found.readings()
    gauges = {metric.name for metric in of_role("api") if metric.kind == "gauge"} - {table.BUILD.name}
    assert {reading.metric.name for reading in readings} == gauges
    assert {reading.labels[0]: reading.value for reading in readings if reading.metric is table.SERVER_UP} == {
        "database": 1,
        "broker": 0,
    }


def test_what_cannot_be_read_is_left_out(overview: Overview, client: "redis.Redis", tmp_path: Path) -> None:
    class Broken(MemoryResultStore):
        def size(self) -> int:
            raise StoreUnavailable("it is away")

    names = {reading.metric.name for reading in watch(overview, client, tmp_path, Broken(60)).readings()}
    assert table.RESULT_STORE_BYTES.name not in names
    assert table.STREAMS.name in names


def test_what_was_read_is_kept_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now, calls = [0.0], count(1)
    monkeypatch.setattr("api.watch.service_watch.time.monotonic", lambda: now[0])
    kept = Kept(lambda: next(calls), 2.0)
    assert [kept(), kept()] == [1, 1]
    now[0] = 2.0
    assert kept() == 2


class Hanging:
    """A Redis that takes connections and never answers. client: gives up soon."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.setblocking(False)
        url = f"redis://127.0.0.1:{self._listening.getsockname()[1]}"
        self.client = redis.Redis.from_url(url, socket_timeout=0.05, retry=Retry(NoBackoff(), 0))

    def asked(self) -> int:
        """How often it was asked since the last call: who has waited in vain asks again by another connection."""
        asked = 0
        while True:
            try:
                self._listening.accept()[0].close()
            except BlockingIOError:
                return asked
            asked += 1

    def close(self) -> None:
        self.client.close()
        self._listening.close()


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    with closing(Hanging()) as server:
        yield server


def test_a_server_that_is_known_to_hang_is_not_asked(overview: Overview, hanging: Hanging, tmp_path: Path) -> None:
    found = watch(overview, hanging.client, tmp_path)
    found.servers = lambda: {"database": True, "redis": False}
    names = {reading.metric.name for reading in found.readings()}
    assert (found.known_workers(), hanging.asked()) == (None, 0)
    assert {table.JOBS.name, table.SERVER_UP.name} <= names
    with pytest.raises(Unavailable, match="redis"):
        found.scales()
    assert hanging.asked() == 0


@pytest.mark.parametrize(("server", "needed"), [("database", True), ("result_store", True), ("broker", False)])
def test_the_scale_is_not_told_without_what_it_takes(
    overview: Overview, client: "redis.Redis", tmp_path: Path, server: str, needed: bool
) -> None:
    detector(client, "detector", "a", 20)
    found = watch(overview, client, tmp_path)
    found.servers = lambda: {server: False}
    with pytest.raises(Unavailable, match=server) if needed else nullcontext():
        assert found.scales()["detector"].wanted == 12


def test_a_server_that_begins_to_hang_is_asked_once_for_each_thing(
    overview: Overview, hanging: Hanging, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.watch.service_watch.time", SimpleNamespace(monotonic=lambda: 0.0))
    found = watch(overview, hanging.client, tmp_path)
    found.readings()
    assert (found.known_workers(), hanging.asked()) == (None, 2)  # for streams and workers, and for no scale
    for _ in range(2):
        with pytest.raises(redis.TimeoutError):
            found.scales()
    assert hanging.asked() == 0


def test_an_outage_is_kept_for_two_seconds_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    answers: Iterator[StoreUnavailable | int] = iter([StoreUnavailable("it is away"), 5])
    monkeypatch.setattr("api.watch.service_watch.time.monotonic", lambda: now[0])

    def read() -> int:
        found = next(answers)
        if isinstance(found, StoreUnavailable):
            raise found
        return found

    kept = Kept(read, 60.0)
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            kept()
    now[0] = 2.0
    assert kept() == 5
