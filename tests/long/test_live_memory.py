"""The memory of a stream that nobody reads as fast as it comes: without a detector, and with reluctant viewers."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest

from contracts.live.streams import RecordingOptions
from contracts.storage.local import LocalStorage
from contracts.storage.port import video_key
from tests.support.live.ingests import Ingests, ingests
from tests.support.live.live_api import LiveApi, Watcher
from tests.support.live.websocket import Closed, WebSocket
from tests.support.servers.valkey import Valkey
from tests.support.videos.clips import clip
from tests.support.waiting import until

MEMORY_SECONDS = 60 * float(os.environ.get("LIVE_MINUTES") or 3)
LOOK_SECONDS = 5
BUFFER_BYTES = 4_000_000
FLAT_BYTES = 12 * 2**20
DATABASE = 12
START = {"type": "start", "media": True, "results": True}


class Reluctant(threading.Thread):
    """A viewer that reads a message every so many seconds, or none at all, and comes again when it is shown out."""

    def __init__(self, user: Watcher, stream: str, pause: float | None) -> None:
        super().__init__(daemon=True)
        self._user, self._stream, self._pause = user, stream, pause
        self._over = threading.Event()
        self.visits = 0

    def __enter__(self) -> "Reluctant":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join(60)

    def run(self) -> None:
        """Until it is over."""
        while not self._over.is_set():
            self.visits += 1
            try:
                with self._user.watch(self._stream, buffer=4096) as socket:
                    socket.send(START)
                    self._stay(socket)
            except (Closed, OSError):
                continue

    def _stay(self, socket: WebSocket) -> None:
        if self._pause is None:
            # Longer than the service waits for a viewer that reads nothing.
            self._over.wait(30)
            return
        while not self._over.wait(self._pause):
            socket.receive()


@pytest.fixture
def bench(valkey: Valkey, tmp_path: Path) -> Iterator[Ingests]:
    with ingests(valkey, DATABASE, tmp_path) as made:
        made.start(STREAM_BUFFER_BYTES=str(BUFFER_BYTES))
        yield made


def private(process: psutil.Process) -> int:
    """Bytes of a process and its children that are theirs alone."""
    return sum(one.memory_full_info().uss for one in (process, *process.children(recursive=True)))


def test_memory_stays_flat_while_nobody_reads_as_fast_as_it_comes(
    valkey: Valkey, bench: Ingests, tmp_path: Path
) -> None:
    with LocalStorage(tmp_path / "storage").create(video_key("clip")) as sink:
        sink.write(clip(frames=100, b_frames=0, size=(640, 480)).content)
    stream = bench.publish(kind="video", video_id="clip", record=RecordingOptions(minutes=1))
    with ExitStack() as stack:
        api = stack.enter_context(LiveApi(valkey, tmp_path, database=DATABASE))
        user = api.user()
        user.add(id=stream, kind="video")
        viewers = [Reluctant(user, stream, pause) for pause in (None, None, 2.0)]
        for viewer in viewers:
            stack.enter_context(viewer)
        keeping_up = stack.enter_context(user.watch(stream))
        keeping_up.send(START)
        until(lambda: (seen := bench.seen(stream)) is not None and seen.recording)
        parts = {"ingest": psutil.Process(bench.first.process.pid), "api": api.worker}
        found: dict[str, list[int]] = {name: [] for name in (*parts, "redis")}
        began = looked = time.monotonic()
        while time.monotonic() - began < MEMORY_SECONDS:
            keeping_up.receive()
            if time.monotonic() - looked > LOOK_SECONDS:
                looked = time.monotonic()
                for name, process in parts.items():
                    found[name].append(private(process))
                memory: Any = api.redis.info("memory")
                found["redis"].append(memory["used_memory"])
        assert viewers[0].visits > 1, "it was shown out"
        assert viewers[2].visits == 1, "one that reads slowly is not"
    for name, values in found.items():
        later = values[len(values) // 3 :]
        print(name, [value // 2**20 for value in values])
        assert max(later) - min(later) < FLAT_BYTES, (name, [value // 2**20 for value in values])
