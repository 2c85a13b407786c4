"""A whole service for benchmarks of streams: stored videos as cameras, when packets came, what its parts cost."""

from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import psutil
import redis

from benchmarks import clip
from contracts.live import keys
from contracts.live.packets import FIELD, decode_packet
from contracts.live.streams import TICKS_PER_SECOND
from tests.support.deployments.embedded import Embedded
from tests.support.deployments.service import Client
from tests.support.models import tiny_model

# The main process of each part; the processes below it belong to it.
_MAINS = {
    "api": r"gunicorn",
    "ingest": r"ingest\.worker",
    "live detector": r"-m detector\.live",
    "detector": r"detector\.worker",
    "processor": r"processor\.",
}
_NEAR_MS = 1.0


class LiveService:
    """It runs for the length of a context. The tiny model is installed beside the bundled ones."""

    def __init__(self, folder: Path, **settings: object) -> None:
        tiny_model.install(folder / "models", labels=tiny_model.COMMON_LABELS)
        self.running = Embedded(folder / "data", MODELS_DIR=folder / "models", **settings)

    def __enter__(self) -> Self:
        self.running.start()
        self.url = self.running.url
        self.redis = redis.Redis.from_url(self.running.settings().coordination_url)
        return self

    def __exit__(self, *_: object) -> None:
        self.redis.close()
        self.running.stop()

    def processes(self, part: str) -> list[psutil.Process]:
        """Those of a part, the main one first."""
        mains = self.running.processes(_MAINS[part])
        return list(dict.fromkeys(one for main in mains for one in (main, *main.children(recursive=True))))

    def cpu(self) -> dict[str, float]:
        """Seconds of processor time so far by part."""
        return {part: seconds_of(self.processes(part)) for part in _MAINS}

    def arrivals(self, stream: str) -> "Arrivals":
        """When the packets of a stream that are still kept came."""
        found: Any = self.redis.xrange(keys.packets(stream))
        packets = [decode_packet(fields[FIELD]) for _, fields in found]
        return Arrivals({one.pts: one.arrival for one in packets})


class Arrivals:
    """When each frame of a stream arrived, by its time on the stream clock."""

    def __init__(self, by_pts: dict[int, float]) -> None:
        self._times = sorted(by_pts)
        self._came = [by_pts[pts] for pts in self._times]
        self._ms = [1000 * pts / TICKS_PER_SECOND for pts in self._times]

    def of(self, ms: float) -> float | None:
        """Unix seconds; None for a frame that is not known."""
        place = bisect_left(self._ms, ms - _NEAR_MS)
        return self._came[place] if place < len(self._ms) and self._ms[place] <= ms + _NEAR_MS else None


def seconds_of(processes: Sequence[psutil.Process]) -> float:
    """Processor time of processes, with that of their children that have ended."""
    used = 0.0
    for one in processes:
        try:
            used += sum(one.cpu_times()[:4])
        except psutil.NoSuchProcess:
            continue
    return used


def percent(before: dict[str, float], after: dict[str, float], seconds: float) -> dict[str, float]:
    """Of a core, by part."""
    return {part: round(100 * (after[part] - before[part]) / seconds, 1) for part in after}


def add_stream(client: Client, name: str, video: str, model: str = tiny_model.ID) -> str:
    """A stored video as a camera; its id."""
    body = {"name": name, "kind": "video", "video_id": video, "model": model}
    return str(client.call("POST", "/streams", 201, json=body)["id"])


def upload_camera(client: Client, folder: Path, fps: int) -> str:
    """A video as a camera of 640x480 sends it; its id."""
    return str(client.upload(clip.camera(folder / f"camera-{fps}.mp4", fps))["id"])


def percentiles(values: Sequence[float]) -> tuple[float, float]:
    """50 % and 95 %."""
    low, high = np.percentile(values, (50, 95))
    return float(low), float(high)


def beside(met: bool, goal: str) -> str:
    """A goal with whether it is met."""
    return f"{goal} {'met' if met else 'MISSED'}"
