"""What a worker does now and then beside its tasks; first of all, say that it is there."""

import logging
import os
import socket
import uuid
from collections.abc import Callable
from typing import Any, Literal, get_args

import msgspec
import redis
from celery import bootsteps
from kombu.exceptions import OperationalError

from contracts.workers import heartbeat

log = logging.getLogger(__name__)

Worker = Literal["processor", "renderer", "detector"]
WORKERS: tuple[Worker, ...] = get_args(Worker)

_PREFIX = "wd:worker:"
_INTERVAL_SECONDS = 5
_FADES_AFTER_SECONDS = 3 * _INTERVAL_SECONDS


class Loaded(msgspec.Struct, frozen=True):
    """A model that a detector has ready, and what computes it there: see detector.engine.EngineInfo."""

    model: str
    engine: str
    version: str
    device: str
    provider: str
    precision: str


def connect(url: str) -> "redis.Redis":
    """A client for a worker's main process, which must not stand still when the store does not answer."""
    timeout = _INTERVAL_SECONDS / 2
    return redis.Redis.from_url(url, socket_timeout=timeout, socket_connect_timeout=timeout)


def periodic_step(
    name: str, seconds: float, tick: Callable[[], object], stopped: Callable[[], object] = lambda: None
) -> type[bootsteps.StartStopStep]:
    """A step for `app.steps["consumer"]`: calls tick once the worker consumes, and then every so
    often, on the timer of its main process. Make one class per name.

    A store or broker that cannot be reached is a warning: the next call may succeed.
    """

    def attempt(call: Callable[[], object]) -> None:
        try:
            call()
        except (redis.RedisError, OperationalError) as error:
            log.warning("%s failed, and is tried again in %g s: %s", name, seconds, error)

    def start(self: Any, parent: Any) -> None:
        attempt(tick)
        self.entry = parent.timer.call_repeatedly(seconds, attempt, (tick,))

    def stop(self: Any, parent: Any) -> None:
        if entry := getattr(self, "entry", None):
            entry.cancel()
        attempt(stopped)

    members = {"requires": ("celery.worker.consumer.tasks:Tasks",), "start": start, "stop": stop}
    return type(name, (bootsteps.StartStopStep,), members)


def presence_step(
    role: Worker, client: "redis.Redis", says: Callable[[], bytes] = lambda: b"1"
) -> type[bootsteps.StartStopStep]:
    """A step that keeps a key alive in Redis, which fades when the worker does. says: what the key holds."""
    # In containers of one host, host and process number may be the same.
    key = f"{_PREFIX}{role}:{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    return periodic_step(
        "Presence",
        _INTERVAL_SECONDS,
        lambda: client.set(key, says(), ex=_FADES_AFTER_SECONDS),
        lambda: client.delete(key),
    )


def heartbeat_step(path: str) -> type[bootsteps.StartStopStep]:
    """A step that keeps a file fresh, which the health check of contracts/workers/heartbeat.py looks at."""
    return periodic_step(
        "Heartbeat", heartbeat.INTERVAL_SECONDS, lambda: heartbeat.beat(path), lambda: heartbeat.end(path)
    )


def count_workers(client: "redis.Redis", role: Worker) -> int:
    """How many workers of a role are there now."""
    return sum(1 for _ in client.scan_iter(match=f"{_PREFIX}{role}:*", count=100))


def loaded_models(client: "redis.Redis") -> dict[str, list[Loaded]]:
    """What the detectors that are there now have loaded, by model, each kind of it once."""
    keys = list(client.scan_iter(match=f"{_PREFIX}detector:*", count=100))
    found: dict[str, list[Loaded]] = {}
    for said in client.mget(keys) if keys else ():
        try:
            loaded = msgspec.json.decode(said or b"[]", type=list[Loaded])
        except msgspec.MsgspecError:  # of another version of this service
            continue
        for item in loaded:
            if item not in found.setdefault(item.model, []):
                found[item.model].append(item)
    return found


def forget_workers(client: "redis.Redis") -> None:
    """Remove all signs of presence: right only where none of the workers can still be alive."""
    for key in client.scan_iter(match=f"{_PREFIX}*", count=1000):
        client.delete(key)
