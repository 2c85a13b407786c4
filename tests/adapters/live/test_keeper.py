"""Several live detectors on one Redis: who analyses which stream."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
import redis

from contracts.coordination.names import stream_detector
from contracts.live import presence
from contracts.live.presence import DetectorPresence
from contracts.live.registry import StreamRegistry
from contracts.live.streams import StreamOptions, StreamSpec
from contracts.metrics import table
from contracts.metrics.table import Reading
from contracts.models.catalogue import Catalogue, write_entry
from contracts.workers.registration import Loaded, count_workers, loaded_models
from detector.live import keeper as keeping
from detector.live.assignment import ORPHAN_SECONDS
from detector.live.keeper import Keeper
from tests.support.servers.valkey import Valkey

LOADED = Loaded("nanodet-g", "openvino", "2026", "CPU", "CPU", "fp32")


class Analysing:
    """What a keeper starts and stops, without analysing."""

    def __init__(self) -> None:
        self.specs: dict[str, StreamSpec] = {}
        self.held: list[tuple[str, float]] = []
        self.closed = False

    def start(self, spec: StreamSpec, seconds: float) -> None:
        self.specs[spec.id] = spec

    def hold(self, stream_id: str, seconds: float) -> None:
        assert stream_id in self.specs
        self.held.append((stream_id, seconds))

    def update(self, spec: StreamSpec) -> None:
        assert spec.id in self.specs
        self.specs[spec.id] = spec

    def stop(self, stream_ids: Sequence[str]) -> None:
        for stream_id in stream_ids:
            del self.specs[stream_id]

    def presences(self) -> dict[str, DetectorPresence]:
        return {stream_id: DetectorPresence("one") for stream_id in self.specs}

    def close(self) -> None:
        self.closed = True


class Clock:
    """Seconds of a clock that tests set."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def client(valkey: Valkey) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(valkey.url.replace("db=1", "db=12")) as client:
        client.flushdb()
        yield client


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(keeping, "time", made)
    return made


class Detector:
    """A live detector that does not analyse."""

    def __init__(self, client: "redis.Redis", name: str, folder: Path, pools: tuple[str, ...] = ("",)) -> None:
        self.analysing = Analysing()
        self.begun = 0

        def begin(on_loaded: object) -> Analysing:
            self.begun += 1
            self.on_loaded = on_loaded
            return self.analysing

        self.keeper = Keeper(client, name, pools, Catalogue(folder), begin)

    @property
    def streams(self) -> set[str]:
        return set(self.analysing.specs)


def ticks(clock: Clock, detectors: Sequence[Detector], seconds: int) -> None:
    for _ in range(seconds):
        clock.now += 1.0
        for detector in detectors:
            detector.keeper.tick()


def publish(client: "redis.Redis", *names: str, revision: int = 1, **changes: object) -> None:
    for name in names:
        values = {"model": "nanodet-g", **changes}
        StreamRegistry(client).publish(StreamSpec(name, "someone", "push", revision, 0.0, **values), b"")  # type: ignore[arg-type]


def test_streams_are_shared_and_go_on_elsewhere_when_a_detector_dies(
    client: "redis.Redis", clock: Clock, tmp_path: Path
) -> None:
    names = ("a", "b", "c", "d")
    publish(client, *names)
    one, other = Detector(client, "one", tmp_path), Detector(client, "other", tmp_path)
    ticks(clock, [one], 2)
    assert one.streams == set(names)
    ticks(clock, [one, other], 12)
    client.delete(*client.keys("wd:wish:*"))  # they expire by Redis' clock
    assert (len(one.streams), len(other.streams)) == (2, 2)
    assert one.streams | other.streams == set(names)
    # The other is killed: its locks expire after seconds, its registration after some more.
    for name in other.streams:
        client.delete(f"wd:claim:{stream_detector(name)}")
    ticks(clock, [one], round(ORPHAN_SECONDS) + 2)
    assert one.streams == set(names)
    assert presence.read(client, ["a"])["a"][1] == DetectorPresence("one")


def test_one_that_has_lost_a_lock_stops_and_one_that_was_held_up_goes_on(
    client: "redis.Redis", clock: Clock, tmp_path: Path
) -> None:
    publish(client, "a", "b")
    one = Detector(client, "one", tmp_path)
    ticks(clock, [one], 1)
    client.delete(f"wd:claim:{stream_detector('a')}")  # expired, or lost with Redis
    client.set(f"wd:claim:{stream_detector('b')}", "other", ex=5)
    one.analysing.held.clear()
    ticks(clock, [one], 1)
    assert one.streams == {"a"}
    assert one.analysing.held == [("a", keeping.LOCK_SECONDS), ("b", 0)]
    assert client.get(f"wd:claim:{stream_detector('a')}") == b"one"
    assert client.get(f"wd:claim:{stream_detector('b')}") == b"other"


def test_changes_reach_what_analyses_and_streams_that_stop_are_given_up(
    client: "redis.Redis", clock: Clock, tmp_path: Path
) -> None:
    one = Detector(client, "one", tmp_path)
    ticks(clock, [one], 1)
    assert one.begun == 0, "no library is loaded before there is a stream"
    publish(client, "a", "b", "c")
    ticks(clock, [one], 1)
    publish(client, "a", revision=2, options=StreamOptions(min_score=0.7))
    publish(client, "b", revision=2, wanted="stopped")
    StreamRegistry(client).remove("c")
    ticks(clock, [one], 1)
    assert {name: spec.options.min_score for name, spec in one.analysing.specs.items()} == {"a": 0.7}
    assert one.begun == 1
    for name in ("b", "c"):
        assert not client.exists(f"wd:claim:{stream_detector(name)}", f"wd:live:presence:{name}:detector")


def test_a_change_is_told_also_where_redis_fails_while_another_stream_is_given_up(
    client: "redis.Redis", clock: Clock, tmp_path: Path
) -> None:
    one = Detector(client, "one", tmp_path)
    publish(client, "a", "b")
    ticks(clock, [one], 1)
    lock = f"wd:claim:{stream_detector('a')}"
    client.delete(lock)
    client.rpush(lock, "no lock")  # Redis refuses to release it
    publish(client, "a", revision=2, wanted="stopped")
    publish(client, "b", revision=2, options=StreamOptions(min_score=0.7))
    with pytest.raises(redis.ResponseError):
        ticks(clock, [one], 1)
    ticks(clock, [one], 1)
    assert {name: spec.options.min_score for name, spec in one.analysing.specs.items()} == {"b": 0.7}


def test_streams_go_to_the_detectors_of_their_models_pool(client: "redis.Redis", clock: Clock, tmp_path: Path) -> None:
    entry = Catalogue(tmp_path).get("nanodet-g")
    pooled = msgspec.structs.replace(entry, id="slow", pool="gpu")
    (tmp_path / "slow.json").write_bytes(write_entry(pooled))
    plain, gpu = Detector(client, "plain", tmp_path), Detector(client, "gpu", tmp_path, ("gpu",))
    publish(client, "a", "b")
    publish(client, "c", model="slow")
    publish(client, "d", model="unknown")
    ticks(clock, [gpu, plain], 6)
    assert (plain.streams, gpu.streams) == ({"a", "b", "d"}, {"c"})


def test_it_is_registered_with_its_models_until_it_ends(client: "redis.Redis", clock: Clock, tmp_path: Path) -> None:
    publish(client, "a")
    one = Detector(client, "one", tmp_path)
    ticks(clock, [one], 1)
    assert count_workers(client, "live_detector") == 1
    one.on_loaded([LOADED])  # type: ignore[operator]
    ticks(clock, [one], 1)
    assert loaded_models(client) == {}, "those of detectors that take jobs"
    assert b"nanodet-g" in (client.get("wd:worker:live_detector:one") or b"")  # type: ignore[operator]
    one.keeper.close()
    assert one.analysing.closed
    assert count_workers(client, "live_detector") == 0
    assert not client.exists(f"wd:claim:{stream_detector('a')}", "wd:live:presence:a:detector")


def test_it_tells_its_streams_and_how_long_ago_a_lock_was_renewed(
    client: "redis.Redis", clock: Clock, tmp_path: Path
) -> None:
    publish(client, "a", "b")
    one = Detector(client, "one", tmp_path)
    assert one.keeper.readings(1) == [Reading(table.STREAMS_HELD, 0), Reading(table.LEASE_AGE, 0)]
    ticks(clock, [one], 2)
    clock.now += 3.0  # Redis does not answer
    assert one.keeper.readings(1) == [
        Reading(table.STREAMS_HELD, 2),
        Reading(table.LEASE_AGE, 3),
        Reading(table.STREAM_SERVED, 0, ("a",)),
        Reading(table.STREAM_SERVED, 0, ("others",)),
    ]
    publish(client, "a", "b", revision=2, wanted="stopped")
    ticks(clock, [one], 1)
    assert one.keeper.readings(1) == [Reading(table.STREAMS_HELD, 0), Reading(table.LEASE_AGE, 0)]
