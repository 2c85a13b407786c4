"""Who is compared: the service, and loops that do without it. Each runs over a video and says what that took."""

import io
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import psutil

from benchmarks.report import ROOT
from contracts.results import result_file
from contracts.results.codec import Block, concat, decode_block
from tests.support.deployments.embedded import Embedded
from tests.support.deployments.service import Client

_POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Run:
    """One run: frames, seconds, CPU seconds of all that took part, and what was found. beside: of the CPU seconds,
    those of other processes than detectors."""

    frames: int
    seconds: float
    cpu: float
    found: Block
    beside: float = 0.0

    @property
    def fps(self) -> float:
        return self.frames / self.seconds


class Contender(Protocol):
    """Something that runs over videos, ready and warm."""

    name: str

    def run(self, video: Path) -> Run:
        """One run over a video."""

    def close(self) -> None:
        """End its processes."""


class Loop:
    """One of benchmarks/loops in a process of its own. arguments: module and what it takes."""

    def __init__(self, name: str, folder: Path, *arguments: str, python: str = sys.executable) -> None:
        self.name = name
        self._found = folder / f"{name.replace(' ', '-')}.found"
        self._process = subprocess.Popen(
            [python, "-m", *arguments], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._read() == "ready\n", f"{name} did not start"

    def run(self, video: Path) -> Run:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"video": str(video), "found": str(self._found)}) + "\n")
        self._process.stdin.flush()
        said = json.loads(self._read())
        return Run(said["frames"], said["seconds"], said["cpu"], decode_block(self._found.read_bytes()))

    def close(self) -> None:
        self._process.communicate()

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


@dataclass
class OfService:
    """The embedded service: from the job's creation, when the upload is done, to its merged result. jobs: those that
    ended, the newest last. tracked: whether a run's CPU seconds are those until the job's tracks are there."""

    name: str
    service: Embedded
    model: str = "nanodet-g"
    options: dict[str, Any] = field(default_factory=dict)
    tracked: bool = False
    jobs: list[dict[str, Any]] = field(default_factory=list)
    _client: Client | None = None
    _videos: dict[Path, Any] = field(default_factory=dict)

    def run(self, video: Path) -> Run:
        client = self._client = self._client or self.service.client()
        if video not in self._videos:
            self._videos[video] = client.upload(video)
        parts = self.service.processes()
        others = [part for part in parts if not any(word.startswith("detector.") for word in part.cmdline())]
        before, beside = _cpu(parts), _cpu(others)
        job = _ended(client, client.start(self._videos[video], model=self.model, options=self.options), self.tracked)
        cpu, beside = _cpu(parts) - before, _cpu(others) - beside
        assert job["state"] == "succeeded", job
        self.jobs.append(job)
        found = self._found(job)
        client.call("DELETE", f"/jobs/{job['id']}", 204)
        return Run(len(found), _seconds(job), cpu, found, beside)

    def close(self) -> None:
        self.service.stop()

    def _found(self, job: dict[str, Any]) -> Block:
        result = result_file.ResultFile(io.BytesIO(self.service.result_bytes(job)))
        return concat(result.block(position) for position in range(len(result.starts)))


def _ended(client: Client, job: dict[str, Any], tracked: bool) -> Any:
    """The job when it has ended, and has its tracks where these are wanted; asked for rarely, and not held against the
    spec, since that takes from the cores."""
    while True:
        current = client.http.get(f"/api/v1/jobs/{job['id']}").json()
        if current["finished_at"] is not None and (not tracked or (current["tracks"] or {}).get("state") == "ready"):
            return current
        time.sleep(_POLL_SECONDS)


def _seconds(job: dict[str, Any]) -> float:
    """By the service's own clock, from the job's creation to its end."""
    created, finished = (datetime.fromisoformat(job[name]) for name in ("created_at", "finished_at"))
    return (finished - created).total_seconds()


def _cpu(processes: Sequence[psutil.Process]) -> float:
    """CPU seconds of processes, and of those they started and awaited."""
    total = 0.0
    for process in processes:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total
