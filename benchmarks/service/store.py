"""What the result store costs in Redis and in PostgreSQL: a chunk written and read, a detector's sign of life, room.

    make bench-store [CHUNK_KB=100] [ROUNDS=300]

Both servers are Debian's, on this machine and its disk, over loopback: Redis with the options of the compose file,
PostgreSQL as it comes. Each round does every call once on each store, in an order of chance, so that a disturbance of
the machine meets them alike. Redis goes twice: how far the two are apart is how much a difference is worth here.
"""

import os
import random
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import closing

import redis
import yaml

from contracts.results.port import Cost, Hold, ResultStore, Sign
from contracts.results.postgres.schema import SCHEMA
from contracts.results.postgres.store import PostgresResultStore
from contracts.results.redis_store import RedisResultStore
from tests.support.deployments.service import ROOT
from tests.support.servers.debian import Postgres, Redis
from tests.support.servers.postgres_results import ask

_JOB = "bench"
_TTL_SECONDS = 3600
_WARMING = 20
_CALLS = ("put_chunk", "get_chunk", "sign of life")

Times = dict[tuple[str, str], list[float]]


def calls(store: ResultStore, job: str, data: bytes) -> dict[str, Callable[[int], object]]:
    """What is measured, by name; each is called with the number of the round."""

    def read(index: int) -> None:
        assert store.get_chunk(job, index) == data

    def sign_of_life(index: int) -> None:
        store.report(job, Hold(index, "worker", 15), Sign(index, 100, 1.5, f"{index}:bench", Cost(1.5, 100)))

    return {
        "put_chunk": lambda index: store.put_chunk(job, index, data),
        "get_chunk": read,
        "sign of life": sign_of_life,
    }


def measure(stores: dict[str, ResultStore], size: int, rounds: int) -> Times:
    """Seconds of every call to every store in each round."""
    data = os.urandom(size)  # chunks are compressed
    todo = {name: calls(store, f"{_JOB}-{name}", data) for name, store in stores.items()}
    names, chance = list(stores), random.Random(1)  # noqa: S311
    times: Times = {(call, name): [] for call in _CALLS for name in names}
    for index in range(_WARMING + rounds):
        for call in _CALLS:
            for name in chance.sample(names, len(names)):
                began = time.perf_counter()
                todo[name][call](index)
                times[call, name].append(time.perf_counter() - began)
    return {key: values[_WARMING:] for key, values in times.items()}


def report(times: Times) -> None:
    print(f"{'call':<14}{'store':<14}{'median ms':>10}{'p95 ms':>9}  {'of redis':>9}")
    for (call, name), values in times.items():
        middle = statistics.median(values)
        ratio = middle / statistics.median(times[call, "redis"])
        print(f"{call:<14}{name:<14}{middle * 1e3:>10.2f}{_late(values) * 1e3:>9.2f}  {ratio:>9.2f}")


def _late(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def main(size: int, rounds: int) -> None:
    """Entry point."""
    options = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())["services"]["redis"]["command"][1:]
    with Redis(options) as first, Postgres(fsync="on") as second:
        first.wait()
        url = second.wait().create("bench")
        with (
            redis.Redis.from_url(first.url()) as client,
            closing(PostgresResultStore.connect(url, _TTL_SECONDS)) as large,
        ):
            small = RedisResultStore(client, _TTL_SECONDS)
            before = int(client.info("memory")["used_memory"])  # type: ignore[index]
            print(f"chunks of {size} bytes, {rounds} rounds, {os.cpu_count()} cores")
            report(measure({"redis": small, "redis again": small, "postgresql": large}, size, rounds))
            memory = int(client.info("memory")["used_memory"]) - before  # type: ignore[index]
        chunks = _WARMING + rounds
        disk = int(ask(url, f"SELECT pg_total_relation_size('{SCHEMA}.chunk')")[0][0])
    room, taken = memory / 2 / chunks, disk / chunks
    print(f"room of a chunk: {room:.0f} bytes of memory in redis, {taken:.0f} bytes of disk in postgresql")


if __name__ == "__main__":
    main(int(sys.argv[1]) * 1000, int(sys.argv[2]))
