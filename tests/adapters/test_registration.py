"""Registrations of workers: who lives is counted without a scan."""

from collections.abc import Iterator

import msgspec
import pytest
import redis

from contracts.workers.registration import (
    WORKERS,
    IngestLoad,
    Instance,
    Loaded,
    clear_registrations,
    count_workers,
    index_workers,
    instances,
    live_workers,
    loaded_models,
    register,
    unregister,
)
from tests.support.servers.valkey import Valkey

LOADED = Loaded("m", "openvino", "2026", "CPU", "cpu", "fp32")


@pytest.fixture
def client(valkey: Valkey) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(valkey.url.replace("db=1", "db=5")) as client:
        client.flushdb()
        yield client


def calls(client: "redis.Redis", command: str) -> int:
    stats = client.info("commandstats").get(f"cmdstat_{command}", {})
    return int(stats.get("calls", 0))


def test_live_workers_are_counted_in_one_call_without_a_scan(client: "redis.Redis") -> None:
    for name in ("one", "two"):
        register(client, "detector", name, msgspec.json.encode([LOADED]))
    register(client, "processor", "one")
    scans, evals = calls(client, "scan"), calls(client, "eval")
    assert live_workers(client) == {**dict.fromkeys(WORKERS, 0), "processor": 1, "detector": 2}
    assert (calls(client, "scan"), calls(client, "eval")) == (scans, evals + 1)
    assert loaded_models(client) == {"m": [LOADED]}
    unregister(client, "detector", "one")
    assert count_workers(client, "detector") == 1
    assert {client.ttl(key) > 0 for key in client.keys("*")} == {True}, "what is forgotten goes by itself"
    clear_registrations(client)
    assert client.keys("*") == []


def test_each_instance_tells_its_models_and_when_it_was_heard(client: "redis.Redis") -> None:
    register(client, "detector", "gpu-1:7:ab", msgspec.json.encode([LOADED]))
    register(client, "ingest", "here:8:cd", msgspec.json.encode(IngestLoad("here")))
    client.pexpire("wd:worker:ingest:here:8:cd", 5000)
    detector, ingest = instances(client)
    assert detector == Instance("detector", "gpu-1:7:ab", detector.heard_seconds, ("m",))
    assert ingest == Instance("ingest", "here:8:cd", ingest.heard_seconds, ())
    assert 0 <= detector.heard_seconds < 10 <= ingest.heard_seconds <= 15


def test_a_killed_worker_is_counted_until_its_key_expires(client: "redis.Redis") -> None:
    register(client, "detector", "killed")
    client.pexpire("wd:worker:detector:killed", 0)
    assert count_workers(client, "detector") == 0
    assert client.exists("wd:workers:detector")
    index_workers(client)
    assert client.keys("*") == []


def test_workers_of_an_earlier_release_which_write_their_key_only_are_indexed(client: "redis.Redis") -> None:
    client.set("wd:worker:detector:old", msgspec.json.encode([LOADED]), ex=15)
    register(client, "detector", "new", msgspec.json.encode([]))
    index_workers(client)
    index_workers(client)
    assert live_workers(client) == {**dict.fromkeys(WORKERS, 0), "detector": 2}
    assert loaded_models(client) == {"m": [LOADED]}
    client.delete("wd:worker:detector:old")
    assert count_workers(client, "detector") == 1
