"""An earlier release replaced by this one, role by role, while jobs and a live stream run: both are there at the same
time, on one broker, Redis and database, and clients do not notice."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from contracts.live import keys
from tests.support.deployments.busy_jobs import Work
from tests.support.deployments.compose import COMPOSE
from tests.support.deployments.deployment import Images
from tests.support.deployments.modes import DistributedMode
from tests.support.deployments.upgrading import (
    WORKERS,
    Balanced,
    Release,
    Upgrading,
    earlier_release,
    release,
    upgrading,
)
from tests.support.models import tiny_model
from tests.support.soak.load import OPTIONS
from tests.support.waiting import until

pytestmark = [pytest.mark.distributed, pytest.mark.long]

SETTINGS = {
    "CHUNK_SIZE": 24,
    "LEASE_SECONDS": 3,
    "REAPER_SECONDS": 1,
    "DETECTOR_THREADS": 1,
    "DEFAULT_MODEL": tiny_model.ID,
}
ORDERS = {"workers first": (WORKERS, ("api",)), "api first": (("api",), WORKERS)}


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return earlier_release(tmp_path_factory.mktemp("earlier"), **SETTINGS)


@pytest.fixture(scope="module")
def today(images: Images) -> Release:
    return release(COMPOSE, images, **SETTINGS)


class Jobs:
    """Jobs of every kind, one after the other, through whichever apis serve. twins: what their results must be."""

    def __init__(self, own: Upgrading, client: Balanced, video: dict[str, Any]) -> None:
        self._own, self._client, self._video = own, client, video
        self._over = threading.Event()
        self.ended: list[tuple[int, dict[str, Any]]] = []
        self.twins = [self._own.result_bytes(self._run(kind)) for kind in range(len(OPTIONS))]
        self.first = list(self.ended)

    @contextmanager
    def running(self) -> Iterator[None]:
        """All the while."""
        with ThreadPoolExecutor(1) as pool:
            busy = pool.submit(self._keep_running)
            try:
                yield
            finally:
                self._over.set()
            busy.result()

    def until_more(self, pieces: int = len(OPTIONS)) -> None:
        """Return when so many more have ended."""
        before = len(self.ended)
        until(lambda: len(self.ended) >= before + pieces, 240, progress=lambda: len(self.ended))

    def check(self) -> None:
        """Each has succeeded, with the bytes of its twin."""
        for kind, job in self.ended:
            assert (job["state"], job["failed_ranges"]) == ("succeeded", []), job
            assert self._own.result_bytes(job) == self.twins[kind], job

    def _keep_running(self) -> None:
        while not self._over.is_set():
            self._run(len(self.ended) % len(OPTIONS))

    def _run(self, kind: int) -> dict[str, Any]:
        body = {"video_id": self._video["id"], "options": OPTIONS[kind]}
        job = self._client.call("POST", "/jobs", json=body)
        self.ended.append((kind, self._client.until(f"/jobs/{job['id']}", lambda now: now["finished_at"])))
        return self.ended[-1][1]


class Stream:
    """A recorded stream."""

    def __init__(self, own: Upgrading, client: Balanced, video: dict[str, Any]) -> None:
        self._own, self._client = own, client
        body = {"name": "Gate", "kind": "video", "video_id": video["id"], "record": {"minutes": 1}}
        self.path = f"/streams/{client.call('POST', '/streams', json=body)['id']}"
        self._results = keys.results(self.path.split("/")[-1])

    def until_results(self) -> None:
        """Return when it has newer ones."""
        before = self._newest()
        until(lambda: self._newest() > before)

    def end(self) -> list[dict[str, Any]]:
        """Stop it; its recordings, when they are filed."""
        self._client.call("POST", f"{self.path}/stop")
        path = f"{self.path}/recordings"
        filed: list[dict[str, Any]] = self._client.until(
            path, lambda now: now["items"] and {one["state"] for one in now["items"]} == {"filed"}
        )["items"]
        return filed

    def _newest(self) -> bytes:
        with redis.Redis.from_url(self._own.settings().result_store_url) as client:
            found: Any = client.xrevrange(self._results, count=1)
            return bytes(found[0][0]) if found else b""


def replace(own: Upgrading, roles: Sequence[str], client: Balanced, jobs: Jobs, stream: Stream, clip: Path) -> None:
    """Start another container of each role, let both work for a while, and stop those that were there before."""
    before = [part for role in roles for part in own.parts_of(role)]
    added = [own.add(role) for role in roles]
    if "api" in roles:
        until(lambda: answers(own.address(added[0])), 180)
        client.urls.append(own.address(added[0]))
    else:
        own.wait_for_workers(2)
        with Work(own, clip) as work:
            work.until_in_hand(*own.parts_of("detector"))
            assert work.results() == {jobs.twins[0]}
    jobs.until_more()
    stream.until_results()
    for part in before:
        if part.name.startswith("api"):
            client.leave(own.address(part))
        own.stop_part(part)
    jobs.until_more()
    stream.until_results()


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("order", ORDERS)
def test_jobs_and_streams_run_on_while_a_release_is_replaced(
    mode: DistributedMode, earlier: Release, today: Release, full_sample: Path, tmp_path: Path, order: str
) -> None:
    tiny_model.as_default(tmp_path)
    with upgrading(mode, earlier, tmp_path) as own:
        own.start()
        user = own.client("upgrader")
        video = user.upload(full_sample)
        client = Balanced(user.tokens, [own.address(own.parts_of("api")[0])])
        jobs, stream = Jobs(own, client, video), Stream(own, client, video)
        before = [user.lines(job) for _, job in jobs.first]
        stream.until_results()
        own.set_release(today)
        own.migrate()
        with jobs.running():
            jobs.until_more()
            for roles in ORDERS[order]:
                replace(own, roles, client, jobs, stream, full_sample)
        jobs.check()
        assert [client.lines(job) for _, job in jobs.first] == before
        recordings = stream.end()
        assert all(one["frames"] > 0 for one in recordings), recordings
        assert client.errors == []
        client.close()
    assert mode.servers.complaints() == []
