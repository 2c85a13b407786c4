"""What chunks cost RabbitMQ and Redis: a job's messages, sent as the processor does, taken by a stub of a detector."""

import base64
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import redis
import yaml
from celery import chord

from benchmarks.capacity.spent import spent
from benchmarks.long_jobs.bigjob import CHUNK_SIZE, queue, settings_in, wandering
from benchmarks.long_jobs.merge import step
from contracts.results import chunk_codec
from contracts.results.port import ResultStore
from contracts.settings.table import Settings
from contracts.wire.messages import Chunk
from contracts.workers.celery_app import create_celery
from contracts.workers.registration import connect, register, speeds
from processor.context import Services
from processor.jobs.stored_plan import read_plan
from processor.task_signatures import chunk_signature, merge_signature
from processor.worker import build
from tests.support.deployments.service import ROOT
from tests.support.servers.debian import Redis
from tests.support.servers.rabbitmq import RabbitMq
from tests.support.servers.valkey import Valkey

# Of a chunk of 240 frames at 25 frames/s, told twice a second.
TICKS = 19
_WINDOW = 6
_OBJECTS = 5
_WORKERS, _READINGS = 2000, 100


@dataclass(frozen=True)
class Cost:
    """Of a chunk: CPU seconds of both servers, commands that Redis ran, bytes of its message and of its result.
    registration: CPU seconds of Redis for a worker's sign of life; counting: for reading who is there, for each of
    them. chunks_per_second: of this run, one stub and all
    servers on one machine."""

    broker: float
    redis: float
    commands: float
    message: int
    result: int
    registration: float
    counting: float
    chunks_per_second: float


def measure(count: int) -> Cost:
    """Send so many chunks through both servers."""
    options = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())["services"]["redis"]["command"][1:]
    with tempfile.TemporaryDirectory(prefix="bench-capacity-") as folder, RabbitMq() as broker, Redis(options) as store:
        job, chunks = _planned(Path(folder), count)
        settings = settings_in(Path(folder), broker.wait().url(), store.wait().url())
        services = build(settings, create_celery(settings))
        result = _result(chunks[0])
        with _stub(settings, result), redis.Redis.from_url(store.url()) as client:
            _send(services, job, chunks[:_WINDOW])  # connections and scripts
            _wait(services.store, job, _WINDOW)
            before, began = _commands(client), time.monotonic()
            with spent(broker.pid) as by_broker, spent(store.pid) as by_redis:
                _send(services, job, chunks[_WINDOW:])
                _wait(services.store, job, len(chunks))
            seconds, commands = time.monotonic() - began, _commands(client) - before
        done = len(chunks) - _WINDOW
        message = len(json.dumps(chunk_signature(services, chunks[-1]).args))
        return Cost(
            by_broker.seconds / done,
            by_redis.seconds / done,
            commands / done,
            message,
            len(result),
            *_workers(store),
            done / seconds,
        )


def _planned(folder: Path, count: int) -> tuple[str, list[Chunk]]:
    """A job with so many chunks, whose messages nobody took."""
    with Valkey(folder) as valkey:
        settings = settings_in(folder, valkey.broker_url, valkey.url)
        job = queue(settings, (count + _WINDOW) * CHUNK_SIZE)
        step("plan", json.dumps({"settings": msgspec.to_builtins(settings), "job": job}))
        services = build(settings, create_celery(settings))
        row = services.repository.job(job)
        plan = read_plan(services, row) if row else None
        assert plan is not None
        return job, list(plan.chunks)


def _result(chunk: Chunk) -> bytes:
    chance = np.random.default_rng(1)
    block = wandering(range(CHUNK_SIZE), range(CHUNK_SIZE), _OBJECTS, (chunk.width, chunk.height), chance)
    return chunk_codec.encode_frames(block)


@contextmanager
def _stub(settings: Settings, result: bytes) -> Iterator[None]:
    given: dict[str, Any] = {
        "broker": settings.broker_url,
        "store": settings.result_store_url,
        "ticks": TICKS,
        "result": base64.b64encode(result).decode(),
    }
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.capacity.stub_detector"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(json.dumps(given).encode())
        process.stdin.close()
        try:
            yield
        finally:
            process.kill()


def _send(services: Services, job: str, chunks: Sequence[Chunk]) -> None:
    """In chords of a window, as processor.jobs.sending does."""
    for start in range(0, len(chunks), _WINDOW):
        header = [chunk_signature(services, chunk) for chunk in chunks[start : start + _WINDOW]]
        chord(header, app=services.celery)(merge_signature(services, job))


def _wait(store: ResultStore, job: str, count: int) -> None:
    while len(store.chunk_indexes(job)) < count:
        time.sleep(1)


def _commands(client: "redis.Redis") -> int:
    return int(client.info("stats")["total_commands_processed"])  # type: ignore[index]


def _workers(store: Redis) -> tuple[float, float]:
    """CPU seconds of Redis for one sign of life, and for reading all of them, for each."""
    with connect(store.url()) as client:
        for number in range(_WORKERS):
            register(client, "detector", f"worker {number}")
        with spent(store.pid) as signs:
            for number in range(_WORKERS):
                register(client, "detector", f"worker {number}")
        with spent(store.pid) as reading:  # those that have not expired
            seen = sum(len(speeds(client, "detector")) for _ in range(_READINGS))
    return signs.seconds / _WORKERS, reading.seconds / seen
