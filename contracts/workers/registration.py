"""Worker registration in Redis, and the periodic steps of a worker's main process."""

import logging
import os
import socket
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args

import msgspec
import redis
from celery import bootsteps
from kombu.exceptions import OperationalError

from contracts.workers import heartbeat

log = logging.getLogger(__name__)

Worker = Literal["processor", "renderer", "detector", "ingest", "live_detector"]
WORKERS: tuple[Worker, ...] = get_args(Worker)

_PREFIX = "wd:worker:"
_INTERVAL_SECONDS = 5
_TTL_SECONDS = 3 * _INTERVAL_SECONDS
_NAMES_TTL_SECONDS = 3600
# KEYS: sets of the names of workers. Whether one lives is told by its key, which expires by the server's clock: the
# clocks of the hosts may differ.
_READ = """
local roles = {}
for i, names in ipairs(KEYS) do
  roles[i] = {}
  for _, name in ipairs(redis.call('SMEMBERS', names)) do
    local value = redis.call('GET', name)
    if value then table.insert(roles[i], value) end
  end
end
return roles
"""


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
    """A bootstep that registers the worker. value: what it says of itself."""
    # Host name and process id are not unique across containers.
    name = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    return periodic_step(
        "Registration",
        _INTERVAL_SECONDS,
        lambda: register(client, role, name, value()),
        lambda: unregister(client, role, name),
    )


def register(client: "redis.Redis", role: Worker, name: str, value: bytes = b"1") -> None:
    """Register a worker, or renew its registration: a key that expires after the worker, and its name in the set of its
    role, by which readers find it."""
    key = f"{_PREFIX}{role}:{name}"
    with client.pipeline() as pipe:
        pipe.set(key, value, ex=_TTL_SECONDS)
        pipe.sadd(_names_key(role), key)
        pipe.expire(_names_key(role), _NAMES_TTL_SECONDS)
        pipe.execute()


def unregister(client: "redis.Redis", role: Worker, name: str) -> None:
    """Remove the registration of a worker that stops."""
    key = f"{_PREFIX}{role}:{name}"
    with client.pipeline() as pipe:
        pipe.delete(key)
        pipe.srem(_names_key(role), key)
        pipe.execute()


def heartbeat_step(path: str) -> type[bootsteps.StartStopStep]:
    """A bootstep that touches the heartbeat file: see contracts/workers/heartbeat.py."""
    return periodic_step(
        "Heartbeat", heartbeat.INTERVAL_SECONDS, lambda: heartbeat.beat(path), lambda: heartbeat.end(path)
    )


def live_workers(client: "redis.Redis") -> dict[Worker, int]:
    """Number of live workers of each role, in one round trip."""
    return {role: len(values) for role, values in zip(WORKERS, _read(client, WORKERS), strict=True)}


def count_workers(client: "redis.Redis", role: Worker) -> int:
    """Number of live workers of a role."""
    return len(_read(client, [role])[0])


def loaded_models(client: "redis.Redis") -> dict[str, list[Loaded]]:
    """Loaded models of all live detectors by model id, without duplicates."""
    found: dict[str, list[Loaded]] = {}
    for value in _read(client, ["detector"])[0]:
        try:
            loaded = msgspec.json.decode(value, type=list[Loaded])
        except msgspec.MsgspecError:  # written by another release
            continue
        for item in loaded:
            if item not in found.setdefault(item.model, []):
                found[item.model].append(item)
    return found


def index_workers(client: "redis.Redis") -> None:
    """Bring the sets of names up to date: add workers of an earlier release, which write their key only, and remove
    workers that were killed. Scans all keys, so only for a periodic job."""
    keys = frozenset(client.scan_iter(match=f"{_PREFIX}*", count=1000))
    for role in WORKERS:
        there = {key for key in keys if key.startswith(f"{_PREFIX}{role}:".encode())}
        named: set[bytes] = client.smembers(_names_key(role))  # type: ignore[assignment]
        if gone := named - there:
            client.srem(_names_key(role), *gone)
        if there:
            client.sadd(_names_key(role), *there)
            client.expire(_names_key(role), _NAMES_TTL_SECONDS)


def clear_registrations(client: "redis.Redis") -> None:
    """Remove all registrations. Only where no worker can still be alive."""
    for key in client.scan_iter(match=f"{_PREFIX}*", count=1000):
        client.delete(key)
    client.delete(*map(_names_key, WORKERS))


def _read(client: "redis.Redis", roles: Sequence[Worker]) -> list[list[bytes]]:
    """What the live workers of each role say of themselves, in one round trip."""
    values: list[list[bytes]] = client.eval(  # type: ignore[assignment]
        _READ, len(roles), *map(_names_key, roles)
    )
    return values


def _names_key(role: Worker) -> str:
    return f"wd:workers:{role}"
