"""The live streams of a soak test, and who watches their results."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis

from contracts.live import keys
from contracts.live.results import FIELD, LiveFrame, decode
from tests.support.deployments.breakable import Patient
from tests.support.soak.cameras import KINDS as CAMERA_KINDS
from tests.support.soak.cameras import Camera

# In turn, so that a few streams are of several kinds.
KINDS = ("rtsp", "push", "http", "video")
_WATCH_SECONDS = 2.0


@dataclass
class Running:
    """A stream. done: when its results were written, Unix seconds, rising."""

    id: str
    kind: str
    done: list[float] = field(default_factory=list)


def cameras(folder: Path, number: int) -> list[Camera]:
    """Those that so many streams need."""
    kinds = [KINDS[place % len(KINDS)] for place in range(number)]
    return [Camera(kind, folder, place) for place, kind in enumerate(kinds) if kind in CAMERA_KINDS]


def started(client: Patient, sources: Sequence[Camera], video: dict[str, Any], number: int) -> list[Running]:
    """So many streams, which are recorded by the minute."""
    left, made = list(sources), []
    for place in range(number):
        kind = KINDS[place % len(KINDS)]
        body: dict[str, Any] = {"kind": kind, "name": f"{kind} {place}", "record": {"minutes": 1}}
        if kind in CAMERA_KINDS:
            body["url"] = left.pop(0).url
        elif kind == "video":
            body["video_id"] = video["id"]
        made.append(Running(client.call("POST", "/streams", 201, json=body)["id"], kind))
    return made


@dataclass
class Watch:
    """Reads the results of all streams from Redis as they come, whatever else is down."""

    url: str
    streams: Sequence[Running]
    ending: threading.Event

    def run(self) -> None:
        last = {one.id: "-" for one in self.streams}
        with redis.Redis.from_url(self.url, socket_timeout=5, socket_connect_timeout=5) as client:
            while not self.ending.wait(_WATCH_SECONDS):
                for one in self.streams:
                    try:
                        last[one.id] = _read(client, one, last[one.id])
                    except redis.RedisError:
                        continue


def results(client: "redis.Redis", stream: str, least: str = "-") -> list[tuple[str, LiveFrame]]:
    """Those that are kept, from an entry on."""
    found: Any = client.xrange(keys.results(stream), least)
    return [(entry.decode(), decode(fields[FIELD])) for entry, fields in found]


def _read(client: "redis.Redis", one: Running, least: str) -> str:
    found = results(client, one.id, least)
    one.done += [frame.done for _, frame in found]
    return f"({found[-1][0]}" if found else least
