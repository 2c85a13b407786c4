"""Shared by fault tests: a deployment with its own servers, a client that retries, and access to internals."""

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from contracts.results.open import open_result_store
from contracts.results.port import ResultStore
from contracts.storage.port import index_key
from tests.support.deployments import recovery_times
from tests.support.deployments.deployment import Deployment, Part
from tests.support.deployments.modes import DistributedMode, Servers
from tests.support.deployments.service import Client
from tests.support.videos.sample_variants import recoded
from tests.support.waiting import until

# The bundled model takes long enough that its detectors are caught at work; in int8 it costs half as much.
SETTINGS = {"CHUNK_SIZE": 24, "LEASE_SECONDS": 3, "REAPER_SECONDS": 1, "DETECTOR_THREADS": 1, "PRECISION": "int8"}
_QUEUES = ("probe", "processor", "detector")
_SECONDS = 120
_JOBS = 20


class Breakable(Servers):
    """Servers that a test may break; their warnings about it are ignored."""

    def complaints(self) -> list[str]:
        return []


class Faulty(DistributedMode):
    """Distributed mode on servers that a test may break. At the end its queues must be empty."""

    @contextmanager
    def run(self, folder: Path, **settings: object) -> Iterator[Deployment]:
        with super().run(folder, **{**SETTINGS, **settings}) as deployment:
            yield deployment
            self.wait()
            self.settle(deployment)

    def wait(self) -> None:
        """Wait until all servers answer."""
        for server in (self.servers.redis, self.servers.postgres, self.servers.rabbitmq):
            server.wait()

    def settle(self, deployment: Deployment) -> None:
        """Wait until no queue holds a message, nor a worker one that it puts off: a chunk that was leased by another
        detector is delayed for seconds."""
        until(lambda: not any(self.held(deployment).values()))

    def waiting(self, deployment: Deployment) -> dict[str, int]:
        """Number of waiting messages in the queues."""
        space = space_of(deployment)
        return {queue: self.servers.rabbitmq.messages(space, queue) for queue in _QUEUES}

    def held(self, deployment: Deployment) -> dict[str, int]:
        """Number of messages in the queues, including unacknowledged and delayed ones."""
        held = self.servers.rabbitmq.held(space_of(deployment))
        return {queue: held[queue] for queue in _QUEUES}


class Patient(Client):
    """A client that retries requests without an answer and those that are told to retry."""

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        deadline = time.monotonic() + _SECONDS
        while True:
            try:
                response = super().request(method, path, **options)
                if response.status_code not in (429, 503):
                    return response
            except httpx.TransportError:
                pass
            assert time.monotonic() < deadline, "it never came back"
            time.sleep(0.1)

    def submit(self, video: dict[str, Any], **body: Any) -> Any:
        """Start a job once, with retries."""
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        return self.call("POST", "/jobs", 202, json={"video_id": video["id"], **body}, headers=headers)


class Stuck:
    """A file of the storage whose readers block until the context ends."""

    def __init__(self, path: Path) -> None:
        self._path, self._aside = path, path.with_name(".part-aside")

    def __enter__(self) -> "Stuck":
        self._path.rename(self._aside)
        os.mkfifo(self._path)
        self._handle: int | None = None
        return self

    def __exit__(self, *_: object) -> None:
        self._path.unlink()
        self._aside.rename(self._path)
        if self._handle is not None:
            os.close(self._handle)

    def until_read(self) -> None:
        """Wait until a process reads it."""
        until(self._open)

    def _open(self) -> bool:
        try:
            self._handle = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # no reader yet
            return False
        return True


def space_of(deployment: Deployment) -> str:
    """The deployment's virtual host in RabbitMQ."""
    return deployment.settings().broker_url.rpartition("/")[2]


def stuck_index(deployment: Deployment, video: dict[str, Any]) -> Stuck:
    """Block the packet index of a video, so that planning a job on it hangs."""
    return Stuck(deployment.storage() / index_key(video["id"]))


def store_of(deployment: Deployment) -> ResultStore:
    """The deployment's own result store."""
    settings = deployment.settings()
    return open_result_store(settings.result_store_url, settings.result_ttl_seconds)


def tries(deployment: Deployment, job: dict[str, Any]) -> dict[int, int]:
    """Number of attempts at each chunk of a job."""
    return store_of(deployment).attempts(job["id"])


def the_one(deployment: Deployment, service: str) -> Part:
    """The only running process of a service."""
    (part,) = deployment.parts_of(service)
    return part


def short(sample: Path, folder: Path) -> Path:
    """A short clip of several chunks."""
    return recoded(sample, folder / "short.mp4", "libx264", range(120))


def check(deployment: Deployment, ended: dict[str, Any], twin: bytes) -> None:
    """Assert that a disturbed job has succeeded with the bytes of the control job."""
    assert ended["state"] == "succeeded", ended
    recovery_times.note(ended)
    assert deployment.result_bytes(ended) == twin


def at_work(client: Patient, video: dict[str, Any], **body: Any) -> Any:
    """A running job with first results; starts another one if a job ends too soon."""
    for _ in range(_JOBS):
        job = client.submit(video, **body)
        now = client.wait(job, lambda now: now["progress"]["frames_done"] > 0 or now["finished_at"] is not None)
        if now["finished_at"] is None:
            return job
    raise AssertionError("each job was over before it could be disturbed: they need a longer clip")
