"""Worker registration in Redis, and the periodic steps of a worker's main process."""

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
_TTL_SECONDS = 3 * _INTERVAL_SECONDS


class Loaded(msgspec.Struct, frozen=True):
    """A model that a detector has loaded, and with what: see detector.engine.EngineInfo."""

    model: str
    engine: str
    version: str
    device: str
    provider: str
    precision: str


def connect(url: str) -> "redis.Redis":
    """A client with short timeouts, for a worker's main process, which must not block when Redis does not answer."""
    timeout = _INTERVAL_SECONDS / 2
    return redis.Redis.from_url(url, socket_timeout=timeout, socket_connect_timeout=timeout)


def periodic_step(
    name: str, seconds: float, tick: Callable[[], object], stopped: Callable[[], object] = lambda: None
) -> type[bootsteps.StartStopStep]:
    """A bootstep for `app.steps["consumer"]`: calls `tick` when the worker begins to consume and then every
    `seconds`, on the timer of the main process; `stopped` at its end. Make one class per name.

    When Redis or the broker cannot be reached, it logs a warning and tries again at the next call.
    """

    def attempt(call: Callable[[], object]) -> None:
        try:
            call()
        except (redis.RedisError, OperationalError) as error:
            log.warning("%s failed, next try in %g s: %s", name, seconds, error)

    def start(self: Any, parent: Any) -> None:
        attempt(tick)
        self.entry = parent.timer.call_repeatedly(seconds, attempt, (tick,))

    def stop(self: Any, parent: Any) -> None:
        if entry := getattr(self, "entry", None):
            entry.cancel()
        attempt(stopped)

    members = {"requires": ("celery.worker.consumer.tasks:Tasks",), "start": start, "stop": stop}
    return type(name, (bootsteps.StartStopStep,), members)


def registration_step(
    role: Worker, client: "redis.Redis", value: Callable[[], bytes] = lambda: b"1"
) -> type[bootsteps.StartStopStep]:
    """A bootstep that registers the worker: a key in Redis that expires after the worker. value: what the key holds."""
    # Host name and process id are not unique across containers.
    key = f"{_PREFIX}{role}:{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    return periodic_step(
        "Registration",
        _INTERVAL_SECONDS,
        lambda: client.set(key, value(), ex=_TTL_SECONDS),
        lambda: client.delete(key),
    )


def heartbeat_step(path: str) -> type[bootsteps.StartStopStep]:
    """A bootstep that touches the heartbeat file: see contracts/workers/heartbeat.py."""
    return periodic_step(
        "Heartbeat", heartbeat.INTERVAL_SECONDS, lambda: heartbeat.beat(path), lambda: heartbeat.end(path)
    )


def count_workers(client: "redis.Redis", role: Worker) -> int:
    """Number of live workers of a role."""
    return sum(1 for _ in client.scan_iter(match=f"{_PREFIX}{role}:*", count=100))


def loaded_models(client: "redis.Redis") -> dict[str, list[Loaded]]:
    """Loaded models of all live detectors by model id, without duplicates."""
    keys = list(client.scan_iter(match=f"{_PREFIX}detector:*", count=100))
    found: dict[str, list[Loaded]] = {}
    for value in client.mget(keys) if keys else ():
        try:
            loaded = msgspec.json.decode(value or b"[]", type=list[Loaded])
        except msgspec.MsgspecError:  # written by another release
            continue
        for item in loaded:
            if item not in found.setdefault(item.model, []):
                found[item.model].append(item)
    return found


def clear_registrations(client: "redis.Redis") -> None:
    """Remove all registrations. Only where no worker can still be alive."""
    for key in client.scan_iter(match=f"{_PREFIX}*", count=1000):
        client.delete(key)
