"""Ingest processes on a real Valkey: who reads which stream, and what becomes of it when one ends."""

import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.live import keys
from contracts.live.presence import INTERVAL_SECONDS
from contracts.live.streams import Reason, RecordingOptions, StreamState
from contracts.workers import heartbeat
from contracts.workers.registration import live_ingests
from ingest.assignment.balance import LAST_SECONDS
from ingest.assignment.lease import LEASE_SECONDS
from tests.support.live.ingests import Ingests, ingests
from tests.support.servers.valkey import Valkey
from tests.support.waiting import until

TAKEN_OVER_SECONDS = 10  # what the docs promise


@pytest.fixture(scope="module")
def running(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ingests]:
    """One ingest."""
    with ingests(valkey, 8, tmp_path_factory.mktemp("ingests")) as made:
        made.start()
        yield made


@pytest.fixture
def bench(running: Ingests) -> Iterator[Ingests]:
    """The same, without streams at the begin and at the end of a test."""
    yield running
    running.clear()


def test_a_stream_follows_its_changes(bench: Ingests) -> None:
    stream_id = bench.publish()
    until(lambda: bench.seen(stream_id))
    bench.push(stream_id)
    until(lambda: bench.packets(stream_id) == 1)
    bench.publish(stream_id, model="other")  # the source is not connected anew
    bench.push(stream_id)
    until(lambda: bench.packets(stream_id) == 2)
    bench.publish(stream_id, wanted="stopped")
    until(lambda: not bench.seen(stream_id) and not bench.packets(stream_id))
    bench.publish(stream_id, wanted="running", started_at=time.time())
    until(lambda: bench.seen(stream_id))
    assert bench.first.text().count(f"{stream_id}: taken") == 2


def test_an_address_that_cannot_be_opened_fails_until_it_is_entered_again(bench: Ingests) -> None:
    address = "rtsp://user:hunter22@127.0.0.1/"
    stream_id = bench.publish(kind="rtsp", address=address, secret="another secret, of enough length")
    until(lambda: bench.state(stream_id) is StreamState.FAILED)
    found = bench.seen(stream_id)
    assert found
    assert "STREAM_SECRET_KEY" in found.detail
    bench.publish(stream_id, address=address)
    until(lambda: (bench.seen(stream_id) or found).reason == Reason.NOT_ALLOWED)
    assert "hunter22" not in str(bench.seen(stream_id)) + bench.first.text()


def test_an_ingest_that_stops_gives_its_streams_to_the_others_at_once(bench: Ingests) -> None:
    (other,) = bench.start()
    for _ in range(2):
        bench.publish()
    until(lambda: len(set(bench.owners().values())) == 2)
    assert not heartbeat.problem(str(other.heartbeat), time.time())
    assert other.stop() == 0
    assert not [owner for owner in bench.locked() if owner.startswith(other.instance)], "no lock has to expire"
    until(lambda: set(bench.owners().values()) == {bench.first.instance})
    assert [found.instance for found in live_ingests(bench.redis)] == [bench.first.instance]
    assert not other.heartbeat.exists()
    assert "Traceback" not in other.text()


def test_streams_are_divided_and_those_of_a_killed_ingest_go_on_elsewhere(bench: Ingests) -> None:
    (other,) = bench.start()
    streams = [bench.publish() for _ in range(4)]
    until(lambda: Counter(bench.owners().values()) == {bench.first.instance: 2, other.instance: 2})
    lost = {stream_id for stream_id, owner in bench.owners().items() if owner == other.instance}
    for stream_id in streams:
        bench.push(stream_id)
    until(lambda: all(bench.state(stream_id) is StreamState.LIVE for stream_id in streams))
    other.kill()
    # That is: its locks have expired, and the others have seen the streams free for long enough, looking once a second.
    assert LEASE_SECONDS + LAST_SECONDS + INTERVAL_SECONDS < TAKEN_OVER_SECONDS
    assert all(bench.lease_seconds(stream_id) <= LEASE_SECONDS for stream_id in lost)
    until(lambda: Counter(bench.owners().values()) == {bench.first.instance: 4})
    for stream_id in lost:
        before = bench.packets(stream_id)
        bench.push(stream_id)
        until(lambda stream_id=stream_id, before=before: bench.packets(stream_id) > before)  # type: ignore[misc]
        first, second, *more = bench.read(stream_id)  # an image of the last seconds is read once more
        assert [packet.number for packet in (first, second, *more)] == list(range(2 + len(more))), "the stream goes on"
        assert (first.restart, second.restart) == (False, True)
        assert second.pts > first.pts


def test_streams_go_on_through_a_restart_of_redis_that_forgets_everything(tmp_path: Path) -> None:
    with Valkey(tmp_path) as valkey, ingests(valkey, 1, tmp_path) as bench:
        bench.start()
        stream_id = bench.publish()
        until(lambda: bench.seen(stream_id))
        bench.push(stream_id)
        until(lambda: bench.packets(stream_id) == 1)
        valkey.restart(empty=True)
        until(lambda: bench.seen(stream_id))  # though the registry is empty

        def goes_on() -> bool:
            bench.push(stream_id)
            return bench.packets(stream_id) > 0

        until(goes_on)
        packet = bench.read(stream_id)[0]
        assert packet.restart
        assert bench.redis.hexists(keys.configs(stream_id), str(packet.config))


def test_a_storage_that_hangs_keeps_an_ingest_from_no_end(tmp_path: Path) -> None:
    with Valkey(tmp_path) as valkey, ingests(valkey, 1, tmp_path) as bench:
        (ingest,) = bench.start()
        stream_id, other_id = bench.publish(record=RecordingOptions()), bench.publish()
        until(lambda: bench.seen(stream_id) and bench.seen(other_id))

        def is_written() -> list[Path]:
            bench.push(stream_id)
            return list(tmp_path.glob(f"**/{stream_id}/.grow-*"))

        until(is_written)
        (object_,) = is_written()
        os.mkfifo(hanging := tmp_path / "hanging")
        hanging.replace(object_)  # who opens it to write waits for a reader, and none comes
        more = bench.packets(stream_id) + 5

        def goes_on() -> bool:
            bench.push(stream_id)
            return bench.packets(stream_id) >= more

        until(goes_on)
        bench.push(other_id)
        until(lambda: bench.packets(other_id) == 1)
        ingest.process.terminate()
        until(lambda: ingest.process.poll() is not None)
        assert ingest.process.returncode == 1
        assert "the storage hangs: what is not written of recordings is lost" in ingest.text()
        assert not bench.locked(), "all streams are given back"
        assert not live_ingests(bench.redis)
        assert not ingest.heartbeat.exists()
        assert "Traceback" not in ingest.text()
