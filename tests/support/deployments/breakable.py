"""What tests that break a deployment share: one on servers of its own, a client that repeats itself, a look inside."""

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

SETTINGS = {"CHUNK_SIZE": 24, "LEASE_SECONDS": 3, "REAPER_SECONDS": 1, "DETECTOR_THREADS": 1}
_QUEUES = ("probe", "processor", "detector")
_SECONDS = 120
_JOBS = 20


class Breakable(Servers):
    """Servers that a test may break: what they say of it is no complaint."""

    def complaints(self) -> list[str]:
        return []


class Faulty(DistributedMode):
    """A distributed mode on servers that a test may break. At its end nothing may be left in its queues."""

    @contextmanager
    def run(self, folder: Path, **settings: object) -> Iterator[Deployment]:
        with super().run(folder, **{**SETTINGS, **settings}) as deployment:
            yield deployment
            self.wait()
            # Not only those that wait: a chunk that another detector had in hand is put off for seconds.
            until(lambda: not any(self.held(deployment).values()))

    def wait(self) -> None:
        """Return when all servers answer."""
        for server in (self.servers.redis, self.servers.postgres, self.servers.rabbitmq):
            server.wait()

    def waiting(self, deployment: Deployment) -> dict[str, int]:
        """How many messages wait in the queues."""
        space = space_of(deployment)
        return {queue: self.servers.rabbitmq.messages(space, queue) for queue in _QUEUES}

    def held(self, deployment: Deployment) -> dict[str, int]:
        """How many messages are in the queues, with those that somebody has in hand or puts off."""
        held = self.servers.rabbitmq.held(space_of(deployment))
        return {queue: held[queue] for queue in _QUEUES}


class Patient(Client):
    """A client that sends again what the service did not answer, or asks to send later."""

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
        """Start a job once, however often that must be said."""
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        return self.call("POST", "/jobs", 202, json={"video_id": video["id"], **body}, headers=headers)


class Stuck:
    """A file of the storage whose reader waits for ever: what is in it comes no sooner than the context ends."""

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
        """Return when somebody reads it, and will never see its end."""
        until(self._open)

    def _open(self) -> bool:
        try:
            self._handle = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # nobody reads
            return False
        return True


def space_of(deployment: Deployment) -> str:
    """The deployment's virtual host in RabbitMQ."""
    return deployment.settings().broker_url.rpartition("/")[2]


def stuck_index(deployment: Deployment, video: dict[str, Any]) -> Stuck:
    """The packet index of a video: who plans a job on it stands still in the middle of that."""
    return Stuck(deployment.storage() / index_key(video["id"]))


def store_of(deployment: Deployment) -> ResultStore:
    """The deployment's own result store."""
    settings = deployment.settings()
    return open_result_store(settings.result_store_url, settings.result_ttl_seconds)


def tries(deployment: Deployment, job: dict[str, Any]) -> dict[int, int]:
    """How often each chunk of a job was begun."""
    return store_of(deployment).attempts(job["id"])


def the_one(deployment: Deployment, service: str) -> Part:
    """The only running process of a service."""
    (part,) = deployment.parts_of(service)
    return part


def short(sample: Path, folder: Path) -> Path:
    """A clip of several chunks that does not take long."""
    return recoded(sample, folder / "short.mp4", "libx264", range(120))


def check(deployment: Deployment, ended: dict[str, Any], twin: bytes) -> None:
    """A job that was disturbed has succeeded, with the bytes of one that was not."""
    assert ended["state"] == "succeeded", ended
    recovery_times.note(ended)
    assert deployment.result_bytes(ended) == twin


def at_work(client: Patient, video: dict[str, Any], **body: Any) -> Any:
    """A job that has results and is not done yet; jobs that are over too soon to be disturbed are started anew."""
    for _ in range(_JOBS):
        job = client.submit(video, **body)
        now = client.wait(job, lambda now: now["progress"]["frames_done"] > 0 or now["finished_at"] is not None)
        if now["finished_at"] is None:
            return job
    raise AssertionError("each job was over before it could be disturbed: they need a longer clip")
