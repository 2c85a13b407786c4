"""Worker registration in Redis. Imports no Celery, so that a process without tasks stays small: the steps of Celery's
workers are in contracts.workers.steps."""

import os
import socket
import uuid
from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

import msgspec
import redis

Worker = Literal["processor", "renderer", "detector", "ingest", "live_detector"]
WORKERS: tuple[Worker, ...] = get_args(Worker)

_PREFIX = "wd:worker:"
INTERVAL_SECONDS = 5
_TTL_SECONDS = 3 * INTERVAL_SECONDS
_NAMES_TTL_SECONDS = 3600
# KEYS: sets of the names of workers. Whether one lives is told by its key, which expires by the server's clock: the
# clocks of the hosts may differ.
_READ = """
local roles = {}
for i, names in ipairs(KEYS) do
  roles[i] = {}
  for _, name in ipairs(redis.call('SMEMBERS', names)) do
    local value = redis.call('GET', name)
    if value then table.insert(roles[i], {name, redis.call('PTTL', name), value}) end
  end
end
return roles
"""


class Loaded(msgspec.Struct, frozen=True, omit_defaults=True):
    """A model that a detector has loaded, and with what: see detector.engine.EngineInfo. fps: frames per second while
    it is busy, 0 where that was not measured."""

    model: str
    engine: str
    version: str
    device: str
    provider: str
    precision: str
    fps: float = 0.0


class IngestLoad(msgspec.Struct, frozen=True):
    """What an ingest says of itself. instance: its name, as in contracts.live.keys.whip_requests. streams: how many it
    reads. has_stream_key: whether it can open addresses of cameras. udp_ports: WEBRTC_UDP_PORTS; udp_room: how many
    these are, None for any number."""

    instance: str
    streams: int = 0
    has_stream_key: bool = False
    udp_ports: str = ""
    udp_room: int | None = None


class Instance(NamedTuple):
    """A live worker. name: host, process and a random part. heard_seconds: since it was last heard. models: that a
    detector has loaded. fps: of a detector, as in speeds."""

    role: Worker
    name: str
    heard_seconds: float
    models: tuple[str, ...]
    fps: float = 0.0


def connect(url: str) -> "redis.Redis":
    """A client with short timeouts, for a worker's main process, which must not block when Redis does not answer."""
    timeout = INTERVAL_SECONDS / 2
    return redis.Redis.from_url(url, socket_timeout=timeout, socket_connect_timeout=timeout)


def worker_name() -> str:
    """A new name for a worker. Host name and process id are not unique across containers."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


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


def live_workers(client: "redis.Redis") -> dict[Worker, int]:
    """Number of live workers of each role, in one round trip."""
    return {role: len(values) for role, values in zip(WORKERS, _read(client, WORKERS), strict=True)}


def instances(client: "redis.Redis") -> list[Instance]:
    """All live workers, by role and name."""
    found = []
    for role, rows in zip(WORKERS, _rows(client, WORKERS), strict=True):
        for key, left_ms, value in rows:
            loaded = _loaded(value) if role.endswith("detector") else []
            models = tuple(one.model for one in loaded)
            name = key.decode().removeprefix(f"{_PREFIX}{role}:")
            found.append(Instance(role, name, max(0.0, _TTL_SECONDS - left_ms / 1000), models, _speed(loaded)))
    return sorted(found, key=lambda one: (WORKERS.index(one.role), one.name))


def count_workers(client: "redis.Redis", role: Worker) -> int:
    """Number of live workers of a role."""
    return len(_read(client, [role])[0])


def loaded_models(client: "redis.Redis") -> dict[str, list[Loaded]]:
    """Loaded models of all live detectors by model id, without duplicates."""
    found: dict[str, list[Loaded]] = {}
    for value in _read(client, ["detector"])[0]:
        for item in (msgspec.structs.replace(one, fps=0.0) for one in _loaded(value)):
            if item not in found.setdefault(item.model, []):
                found[item.model].append(item)
    return found


def speeds(client: "redis.Redis", role: Worker) -> list[float]:
    """Frames per second of each live detector of a role while it is busy: the mean over its models that were measured,
    0 for a detector without any."""
    return [_speed(_loaded(value)) for value in _read(client, [role])[0]]


def live_ingests(client: "redis.Redis") -> list[IngestLoad]:
    """All live ingests, the least busy one first."""
    found = []
    for value in _read(client, ["ingest"])[0]:
        try:
            found.append(msgspec.json.decode(value, type=IngestLoad))
        except msgspec.MsgspecError:  # written by another release
            continue
    return sorted(found, key=lambda one: (one.streams, one.instance))


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


def _loaded(value: bytes) -> list[Loaded]:
    """What a detector says of itself; nothing where another release wrote it."""
    try:
        return msgspec.json.decode(value, type=list[Loaded])
    except msgspec.MsgspecError:
        return []


def _speed(loaded: Sequence[Loaded]) -> float:
    measured = [one.fps for one in loaded if one.fps > 0]
    return sum(measured) / len(measured) if measured else 0.0


def _read(client: "redis.Redis", roles: Sequence[Worker]) -> list[list[bytes]]:
    """What the live workers of each role say of themselves, in one round trip."""
    return [[value for _, _, value in rows] for rows in _rows(client, roles)]


def _rows(client: "redis.Redis", roles: Sequence[Worker]) -> list[list[tuple[bytes, int, bytes]]]:
    """The live workers of each role: key, milliseconds until it expires, and what it says of itself."""
    rows: list[list[tuple[bytes, int, bytes]]] = client.eval(  # type: ignore[assignment]
        _READ, len(roles), *map(_names_key, roles)
    )
    return rows


def _names_key(role: Worker) -> str:
    return f"wd:workers:{role}"
