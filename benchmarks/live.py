"""Eight streams at once through a live detector: how late the boxes are, who gets how many, and where frames are left.

    make bench-live [STREAMS=8] [FPS=10] [SECONDS=20]

Packets of 640x480 H.264, as cameras send them (no frames out of order, a keyframe every two seconds), are published
straight into Redis at their pace, first for a model that costs next to nothing, then for the default one, which this
machine may be too slow for. The latency ends where a client of the api's WebSocket has the boxes; each stream has one
viewer, who gets media too. Each figure is printed beside its goal.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import Any

import psutil
import redis
from msgspec.structs import replace

from benchmarks import clip
from benchmarks.report import ROOT, full, record, table
from contracts.live import presence
from contracts.live.packets import Packet
from contracts.live.streams import TICKS_PER_SECOND
from tests.support.live.live_api import LiveApi, Watcher
from tests.support.live.live_packets import Footage, Publisher, footage
from tests.support.live.websocket import Closed, WebSocket
from tests.support.models import tiny_model
from tests.support.servers.valkey import Valkey
from tests.support.waiting import until

SIZE = (640, 480)
# Of the start of a stream: its first results wait for the model's first run.
WARM_SECONDS = 2
LATENCY_GOALS_MS = {tiny_model.ID: 150.0, "nanodet-g": 250.0}
FAIRNESS_GOAL = 0.2
IDLE_GOALS = (100.0, 1.0)  # MB, and % of a core; of ingest and detector together


class Viewer(threading.Thread):
    """Watches one stream: which frames came with their boxes, and when."""

    def __init__(self, publisher: Publisher, socket: WebSocket) -> None:
        super().__init__(daemon=True)
        self.publisher = publisher
        self.sent: dict[int, float] = {}  # by number
        self._came: dict[int, float] = {}
        self._socket = socket
        socket.send({"type": "start", "media": True, "results": True})
        self.start()

    def run(self) -> None:
        """Read to the end."""
        try:
            while True:
                message = self._socket.receive()
                if isinstance(message, dict) and message["type"] == "result":
                    self._came[message["frame"]] = time.time()
        except (Closed, OSError):
            return

    def send(self, packet: Packet) -> None:
        """Send a packet of the stream."""
        self.sent[self.publisher.sent] = time.time()
        self.publisher.send(packet)

    def latencies(self, since: float) -> list[float]:
        """Seconds from arrival to the viewer, for frames that arrived since then."""
        return [came - self.sent[number] for number, came in self._came.items() if self.sent[number] >= since]

    def leave(self) -> None:
        """Close the socket."""
        self._socket.close()
        self.join(10)
        self._socket.socket.close()


def camera(fps: int) -> Footage:
    """What a camera sends: the sample's things."""
    with tempfile.TemporaryDirectory() as name:
        return footage(clip.camera(Path(name) / "camera.mp4", fps, SIZE).read_bytes())


def send(viewers: Sequence[Viewer], shown: Footage, fps: int, numbers: range) -> None:
    """Send each stream's packets with these numbers at their pace, the streams evenly one after the other."""
    began = time.monotonic()
    for turn, number in enumerate(numbers):
        packet = shown.packets[number % len(shown.packets)]
        ticks = number * TICKS_PER_SECOND // fps
        for position, viewer in enumerate(viewers):
            due = began + (turn + position / len(viewers)) / fps
            time.sleep(max(0.0, due - time.monotonic()))
            viewer.send(replace(packet, pts=ticks, dts=ticks))


@contextmanager
def detector(folder: Path, valkey: Valkey) -> Iterator[psutil.Process]:
    """A live detector as its own process."""
    settings = {"DATA_DIR": str(folder), "RESULT_STORE_URL": valkey.url, "BROKER_URL": valkey.broker_url}
    with (folder / "detector.log").open("ab") as log:
        started = subprocess.Popen(
            [sys.executable, "-m", "detector.live"], cwd=ROOT, env={**os.environ, **settings}, stderr=log
        )
    try:
        yield psutil.Process(started.pid)
    finally:
        started.terminate()
        started.wait(30)


def processes(main: psutil.Process) -> dict[str, list[psutil.Process]]:
    """The detector's processes by their part."""
    children = main.children()
    return {"detector.live": [main], "fork server": children, "decoders": [d for c in children for d in c.children()]}


def cpu(parts: dict[str, list[psutil.Process]]) -> dict[str, float]:
    """Seconds of processor time by part."""
    return {name: sum(sum(one.cpu_times()[:2]) for one in processes) for name, processes in parts.items()}


def idle(main: psutil.Process) -> dict[str, float]:
    """MB (unique to it) and % of a core of a detector without streams."""
    before = cpu({"main": [main]})["main"]
    time.sleep(5)
    used = cpu({"main": [main]})["main"] - before
    return {"mb": main.memory_full_info().uss / 1e6, "cpu_percent": 100 * used / 5}


def measure(
    user: Watcher, main: psutil.Process, model: str, shown: Footage, streams: int, fps: int, seconds: float
) -> dict[str, Any]:
    """Figures of so many streams with a model."""
    client = user.api.redis
    publishers = [Publisher(client, model) for _ in range(streams)]
    for publisher in publishers:
        publisher.configure(shown.config)
        publisher.publish()
    ids = [publisher.id for publisher in publishers]
    until(lambda: all(known and known.engine for _, known in presence.read(client, ids).values()))
    viewers = [Viewer(one, user.watch(user.add(id=one.id, model=model))) for one in publishers]
    warm = WARM_SECONDS * fps
    send(viewers, shown, fps, range(warm))
    since, parts = time.time(), processes(main) | {"api": [user.api.worker]}
    before = cpu(parts)
    send(viewers, shown, fps, range(warm, warm + round(seconds * fps)))
    used = {name: 100 * (spent - before[name]) / (time.time() - since) for name, spent in cpu(parts).items()}
    until(lambda: all(_added_up(client, one) == one.sent for one in publishers))
    time.sleep(0.5)  # the last results are on their way
    for viewer in viewers:
        viewer.leave()
    figures = _figures(viewers, since, seconds) | {"cpu_percent": used} | _counts(client, publishers)
    for publisher in publishers:
        publisher.remove()
    return figures


def _added_up(client: "redis.Redis", one: Publisher) -> int:
    known = presence.read(client, [one.id])[one.id][1]
    return known.analysed + known.skipped + sum(known.dropped.values()) if known else 0


def _figures(seen: list[Viewer], since: float, seconds: float) -> dict[str, Any]:
    latencies = sorted(value for one in seen for value in one.latencies(since))
    rates = [len(one.latencies(since)) / seconds for one in seen]
    fair = sum(rates) / len(rates)
    return {
        "p50_ms": 1000 * latencies[ceil(len(latencies) * 0.5) - 1],
        "p95_ms": 1000 * latencies[ceil(len(latencies) * 0.95) - 1],
        "fps": rates,
        "unfairness": max(abs(rate - fair) for rate in rates) / fair,
    }


def _counts(client: "redis.Redis", publishers: list[Publisher]) -> dict[str, Any]:
    found = [known for _, known in presence.read(client, [one.id for one in publishers]).values() if known]
    reasons = sorted({reason for known in found for reason in known.dropped})
    return {
        "sent": sum(one.sent for one in publishers),
        "analysed": sum(known.analysed for known in found),
        "dropped": {reason: sum(known.dropped.get(reason, 0) for known in found) for reason in reasons},
    }


def show(model: str, figures: dict[str, Any]) -> None:
    """Print figures beside their goals."""
    goal = LATENCY_GOALS_MS[model]
    counted = figures["analysed"] + sum(figures["dropped"].values())
    dropped = ", ".join(f"{reason} {count}" for reason, count in figures["dropped"].items()) or "none"
    rows = [
        ("latency p50", f"{figures['p50_ms']:.0f} ms", ""),
        ("latency p95", f"{figures['p95_ms']:.0f} ms", _beside(figures["p95_ms"] <= goal, f"<= {goal:.0f} ms")),
        ("frames/s of each stream", f"{min(figures['fps']):.1f} to {max(figures['fps']):.1f}", ""),
        (
            "furthest from a fair share",
            f"{100 * figures['unfairness']:.0f} %",
            _beside(figures["unfairness"] <= FAIRNESS_GOAL, f"<= {100 * FAIRNESS_GOAL:.0f} %"),
        ),
        ("dropped", dropped, ""),
        ("analysed + dropped", f"{counted}", _beside(counted == figures["sent"], f"= {figures['sent']} sent")),
        *((f"CPU of {name}", f"{percent:.0f} % of a core", "") for name, percent in figures["cpu_percent"].items()),
    ]
    table((model, "measured", "goal"), rows)
    print()


def show_idle(figures: dict[str, float]) -> None:
    """Print what a detector without streams costs. The goals are those of it and an ingest together."""
    memory, load = IDLE_GOALS
    rows = [
        ("memory", f"{figures['mb']:.0f} MB", _beside(figures["mb"] <= memory, f"<= {memory:.0f} MB with ingest")),
        ("CPU", f"{figures['cpu_percent']:.1f} %", _beside(figures["cpu_percent"] <= load, f"<= {load:.0f} % with it")),
    ]
    table(("without streams", "measured", "goal"), rows)
    print()


def _beside(met: bool, goal: str) -> str:
    return f"{goal} {'met' if met else 'MISSED'}"


def main(streams: int, fps: int, seconds: float) -> None:
    """Entry point."""
    shown = camera(fps)
    with tempfile.TemporaryDirectory(prefix="bench-live-") as name:
        folder = Path(name)
        tiny_model.install(folder / "models")
        with Valkey(folder) as valkey, detector(folder, valkey) as process, LiveApi(valkey, folder, database=1) as api:
            until(lambda: api.redis.keys("wd:worker:live_detector:*"))
            resting = idle(process)
            print(f"{streams} streams of {SIZE[0]}x{SIZE[1]} at {fps} frames/s, {seconds:.0f} s each")
            show_idle(resting)
            found, user = {}, api.user()
            for model in LATENCY_GOALS_MS:
                found[model] = measure(user, process, model, shown, streams, fps, seconds)
                show(model, found[model])
    record("live", {"streams": streams, "fps": fps, "seconds": seconds, "idle": resting, "models": found})


if __name__ == "__main__":
    streams, fps, seconds = (int(value) if value else 0 for value in sys.argv[1:])
    main(streams or 8, fps or 10, seconds or (120 if full() else 20))
