"""The faults of a soak test."""

import random
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
import redis

from tests.support.deployments.breakable import Faulty, space_of
from tests.support.deployments.deployment import Deployment, Part
from tests.support.servers.debian import Server
from tests.support.servers.disk import squeezed
from tests.support.soak.cameras import Camera
from tests.support.soak.timeline import Harm

ROLES = ("api", "processor", "renderer", "detector", "live-detector", "ingest")
_AWAY_SECONDS = (0.5, 5.0)
_HELD_SECONDS = (0.5, 8.0)  # leases expire meanwhile
_QUEUES = ("processor", "detector", "probe", "recovery")


@dataclass(frozen=True)
class Scene:
    """What there is to break. disk: of the storage."""

    own: Deployment
    mode: Faulty
    cameras: Sequence[Camera]
    disk: Path


Do = Callable[[Scene, random.Random], str]


@dataclass(frozen=True)
class Fault:
    """do: breaks it, mends it, and says what it was."""

    do: Do
    harm: Harm


def _part(scene: Scene, role: str, chance: random.Random) -> Part:
    scene.own.revive()
    return chance.choice(scene.own.parts_of(role))


def _kill(role: str, scene: Scene, chance: random.Random) -> str:
    part = _part(scene, role, chance)
    part.kill()
    scene.own.add(role)
    return part.name


def _kill_a_child(role: str, scene: Scene, chance: random.Random) -> str:
    part = _part(scene, role, chance)
    children = psutil.Process(part.pid).children(recursive=True)
    if not children:
        return f"{part.name} has none"
    child = chance.choice(children)
    _signal(child, signal.SIGKILL)
    return f"{child.pid} of {part.name}"


def _stop_in_order(role: str, scene: Scene, chance: random.Random) -> str:
    part = _part(scene, role, chance)
    part.terminate()
    status, said = part.wait(), part.log.read_text(errors="replace")
    # One that has said nothing yet is still being loaded, and has nothing to end in order.
    assert status == 0 or (status == -signal.SIGTERM and not said), (status, said[-3000:])
    scene.own.add(role)
    return part.name


def _hold(role: str, scene: Scene, chance: random.Random) -> str:
    part = _part(scene, role, chance)
    processes = [psutil.Process(part.pid), *psutil.Process(part.pid).children(recursive=True)]
    for process in processes:
        _signal(process, signal.SIGSTOP)
    time.sleep(seconds := chance.uniform(*_HELD_SECONDS))
    for process in processes:
        _signal(process, signal.SIGCONT)
    return f"{part.name} for {seconds:.1f} s"


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


def _restart(name: str, how: Sequence[signal.Signals | None], scene: Scene, chance: random.Random) -> str:
    server: Server = getattr(scene.mode.servers, name)
    server.stop(chance.choice(how))
    time.sleep(seconds := chance.uniform(*_AWAY_SECONDS))
    server.start_again().wait()
    return f"away for {seconds:.1f} s"


def _cut_links_to_the_broker(scene: Scene, chance: random.Random) -> str:
    scene.mode.servers.rabbitmq.cut(space_of(scene.own))
    return "all"


def _lose_messages(scene: Scene, chance: random.Random) -> str:
    queue = chance.choice(_QUEUES)
    return f"{scene.mode.servers.rabbitmq.purge(space_of(scene.own), queue)} of the queue {queue}"


def _empty_redis(scene: Scene, chance: random.Random) -> str:
    with redis.Redis.from_url(scene.own.settings().result_store_url) as client:
        keys = client.dbsize()
        client.flushdb()
    return f"{keys} keys"


def _kill_and_empty_redis(scene: Scene, chance: random.Random) -> str:
    server = scene.mode.servers.redis
    server.stop(signal.SIGKILL)
    for path in server.folder.rglob("appendonly*"):
        if path.is_file():
            path.unlink()
    server.start_again().wait()
    return "its file was deleted"


def _fill_the_disk(scene: Scene, chance: random.Random) -> str:
    with squeezed(scene.disk):
        time.sleep(seconds := chance.uniform(*_AWAY_SECONDS))
    return f"for {seconds:.1f} s"


def _kill_a_camera(camera: Camera, chance: random.Random) -> float:
    camera.process.kill()
    time.sleep(seconds := chance.uniform(*_AWAY_SECONDS))
    camera.start_again()
    return seconds


def _freeze_a_camera(camera: Camera, chance: random.Random) -> float:
    camera.process.freeze()
    time.sleep(seconds := chance.uniform(*_HELD_SECONDS) * 2)  # around STREAM_SILENT_SECONDS
    camera.process.thaw()
    return seconds


def _with_a_camera(kind: str, do: Callable[[Camera, random.Random], float], scene: Scene, chance: random.Random) -> str:
    of_kind = [one for one in scene.cameras if one.kind == kind]
    if not of_kind:
        return "there is none"
    camera = chance.choice(of_kind)
    return f"{camera.url} for {do(camera, chance):.1f} s"


# What docs/live.md promises: "When something fails".
_NOTHING = Harm()
_DETECTOR = Harm(chunks=True)
_LIVE = Harm(silent=10)
_INGEST = Harm(silent=10, lost=10)
_REDIS = Harm(silent=2, lost=2, chunks=True)
_LOST_REDIS = Harm(silent=10, lost=10, chunks=True)
_PUSHED = Harm(silent=0, kinds=frozenset({"push"}))  # its images are sent to the api, and looked up in the database
_OF_ROLES = {"api": _PUSHED, "detector": _DETECTOR, "live-detector": _LIVE, "ingest": _INGEST}
_HARDLY: Sequence[signal.Signals | None] = (signal.SIGKILL,)


def _of_roles(name: str, do: Callable[[str, Scene, random.Random], str]) -> dict[str, Fault]:
    return {name.format(role): Fault(partial(do, role), _OF_ROLES.get(role, _NOTHING)) for role in ROLES}


def _of_cameras(kind: str) -> dict[str, Fault]:
    lost = Harm(silent=30, kinds=frozenset({kind}))
    return {
        f"kill a camera ({kind})": Fault(partial(_with_a_camera, kind, _kill_a_camera), lost),
        f"freeze a camera ({kind})": Fault(partial(_with_a_camera, kind, _freeze_a_camera), lost),
    }


FAULTS: dict[str, Fault] = {
    **_of_roles("kill {}", _kill),
    **_of_roles("kill a child of {}", _kill_a_child),
    **_of_roles("stop {} in order", _stop_in_order),
    **_of_roles("hold {}", _hold),
    "restart the broker": Fault(partial(_restart, "rabbitmq", (None,)), _NOTHING),
    "kill the broker": Fault(partial(_restart, "rabbitmq", _HARDLY), _NOTHING),
    "cut all links to the broker": Fault(_cut_links_to_the_broker, _NOTHING),
    "lose messages": Fault(_lose_messages, _NOTHING),
    "restart redis": Fault(partial(_restart, "redis", (None,)), _REDIS),
    "kill redis": Fault(partial(_restart, "redis", _HARDLY), _REDIS),
    "empty redis": Fault(_empty_redis, _LOST_REDIS),
    "kill redis and lose its data": Fault(_kill_and_empty_redis, _LOST_REDIS),
    "restart the database": Fault(partial(_restart, "postgres", (signal.SIGINT,)), _PUSHED),
    "kill the database": Fault(partial(_restart, "postgres", (signal.SIGQUIT,)), _PUSHED),
    "fill the disk": Fault(_fill_the_disk, Harm(lost=30, full=True)),
    **_of_cameras("rtsp"),
    **_of_cameras("http"),
}
