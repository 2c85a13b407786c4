"""Live detectors as processes: one that is killed, and one that is too slow for a long time."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import redis
from msgspec.structs import replace

from contracts.live import presence
from contracts.live.streams import TICKS_PER_SECOND
from tests.support.deployments.service import ROOT
from tests.support.live.live_detector import environ
from tests.support.live.live_packets import Publisher, footage
from tests.support.models import tiny_model
from tests.support.servers.valkey import Valkey
from tests.support.videos.clips import clip
from tests.support.waiting import until

MEMORY_SECONDS = 60 * float(os.environ.get("LIVE_MINUTES") or 3)


@pytest.fixture
def client(valkey: Valkey) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(valkey.url.replace("db=1", "db=13")) as client:
        client.flushdb()
        yield client


@contextmanager
def detector(valkey: Valkey, folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    settings = environ(valkey, 13, folder)
    process = subprocess.Popen([sys.executable, "-m", "detector.live"], cwd=ROOT, env={**os.environ, **settings})
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(30)


def test_another_detector_goes_on_within_ten_seconds_of_a_kill(
    valkey: Valkey, client: "redis.Redis", tmp_path: Path
) -> None:
    tiny_model.install(tmp_path / "models")
    shown = footage(clip(frames=25, every=5, b_frames=0).content)
    streams = [Publisher(client, tiny_model.ID) for _ in range(4)]

    def instances() -> set[str]:
        found = presence.read(client, [stream.id for stream in streams]).values()
        return {known.instance for _, known in found if known is not None and known.engine}

    def all_serve(since: float) -> bool:
        number = streams[0].sent
        for stream in streams:
            packet = shown.packets[number % 25]
            stream.send(replace(packet, pts=number * 3600, dts=number * 3600))
        time.sleep(0.1)
        return all(stream.results() and stream.results()[-1].done > since for stream in streams)

    with detector(valkey, tmp_path) as one, detector(valkey, tmp_path):
        for stream in streams:
            stream.configure(shown.config)
            stream.publish()
        until(lambda: len(instances()) == 2)
        until(lambda: all_serve(0.0))
        children = psutil.Process(one.pid).children(recursive=True)
        one.kill()
        killed = time.time()
        until(lambda: all_serve(killed + 1))
        assert time.time() - killed < 10
        until(lambda: len(instances()) == 1)
        until(lambda: not any(child.is_running() for child in children), 10)
        for stream in streams:
            served = [frame.pts for frame in stream.results()]
            assert served == sorted(set(served)), "no frame twice"


def test_memory_stays_flat_while_frames_come_faster_than_they_are_served(
    valkey: Valkey, client: "redis.Redis", tmp_path: Path
) -> None:
    shown = footage(clip(frames=50, b_frames=0, size=(640, 480)).content)
    stream = Publisher(client, "nanodet-g", kept=200)
    stream.configure(shown.config)
    stream.publish()
    with detector(valkey, tmp_path) as process:
        until(lambda: presence.read(client, [stream.id])[stream.id][1])
        main = psutil.Process(process.pid)
        began, number, memory = time.monotonic(), 0, []
        while time.monotonic() - began < MEMORY_SECONDS:
            ticks = number * TICKS_PER_SECOND // 100
            stream.send(replace(shown.packets[number % 50], pts=ticks, dts=ticks))
            number += 1
            time.sleep(0.005)
            if number % 1000 == 0:
                parts = [main, *main.children(recursive=True)]
                memory.append(sum(part.memory_full_info().uss for part in parts))
        known = presence.read(client, [stream.id])[stream.id][1]
    assert known is not None
    assert known.dropped["behind"] > known.analysed
    later = memory[len(memory) // 3 :]
    assert max(later) - min(later) < 20 * 1024**2, [value // 1024**2 for value in memory]
