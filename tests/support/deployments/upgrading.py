"""Two releases of this service side by side on one broker, Redis and database."""

import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from contracts.workers.registration import WORKERS as REGISTERED
from tests.support.deployments.compose import MAIN, Compose
from tests.support.deployments.deployment import Containers, Deployment, Images, Part
from tests.support.deployments.modes import DistributedMode, compose_secrets
from tests.support.deployments.service import ROOT, free_port
from tests.support.requirements import missing
from tests.support.waiting import until

# The release to upgrade from: of 2026-11-30, with revision 0011 of the tables. It has streams, recordings and
# tracks, but no alerts, pictures, clips or metrics. All that its lock files name is in today's too, so that the tests'
# environment runs it.
EARLIER = "49fa0b1fb85972e3509beb9d08fd6f55ac356e7a"
WORKERS = ("processor", "renderer", "detector", "live-detector", "ingest")
_SECONDS = 300


@dataclass(frozen=True)
class Release:
    """What runs of a release. values: settings, as in .env."""

    compose: Compose
    images: Images
    values: dict[str, str]


def earlier_tree(folder: Path) -> Path:
    """The files of EARLIER, from the repository's history."""
    archive = subprocess.run(["git", "archive", EARLIER], cwd=ROOT, capture_output=True, check=False)
    if archive.returncode:
        missing(f"the history does not reach back to {EARLIER}: {archive.stderr.decode()}")
    folder.mkdir()
    subprocess.run(["tar", "--extract"], cwd=folder, input=archive.stdout, check=True)
    return folder


def earlier_release(folder: Path, **settings: object) -> Release:
    """That of EARLIER."""
    tree = earlier_tree(folder / "tree")
    return release(Compose(MAIN, root=tree), Images(folder / "images", root=tree), **settings)


def release(compose: Compose, images: Images, **settings: object) -> Release:
    """A release with those of the settings that it knows."""
    known = {name: str(value) for name, value in settings.items() if name in compose.text}
    return Release(compose, images, {**compose_secrets(compose), **known})


class Upgrading(Deployment):
    """A deployment whose containers are of the release that is set, from then on. Each api has a port of its own."""

    def __init__(self, first: Release, folder: Path, links: dict[str, str]) -> None:
        super().__init__(first.compose, first.images, folder, first.values, links, detectors=1)
        self._ports: dict[str, int] = {}

    def set_release(self, to: Release) -> None:
        self._compose, self._images, self._values = to.compose, to.images, dict(to.values)

    def environment(self, service: str, name: str) -> dict[str, str]:
        if service == "api":
            self.port = self._ports[name] = free_port()
        return super().environment(service, name)

    def address(self, api: Part) -> str:
        """Of an api."""
        return f"http://127.0.0.1:{self._ports[api.name]}"

    def wait_for_workers(self, each: int) -> None:
        """Wait until so many workers of each role are counted."""
        until(lambda: self.workers() == dict.fromkeys(REGISTERED, each), 180, progress=self.workers)

    def migrate(self) -> None:
        """Bring the tables up to date."""
        assert (migrated := self.add("migrate")).wait() == 0, migrated.log.read_text()

    def stop_part(self, part: Part) -> None:
        """In order."""
        part.terminate()
        assert part.wait() == 0, part.log.read_text()[-6000:]


@contextmanager
def upgrading(mode: DistributedMode, first: Release, folder: Path) -> Iterator[Upgrading]:
    """A deployment of the first release, on servers of its own part of the mode's."""
    space = f"{folder.name}-{uuid.uuid4().hex[:8]}"
    deployment = Upgrading(first, folder, mode.links(folder, space))
    try:
        yield deployment
        assert Containers.stop(deployment) == 0
    finally:
        deployment.kill()


@dataclass
class Balanced:
    """A client behind a load balancer: each request goes to the next of the apis that serve. It repeats what is
    answered with 503 and Retry-After, and keeps every other error."""

    tokens: dict[str, Any]
    urls: list[str]
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._next = 0
        self._one_at_a_time = threading.Lock()
        self._http = httpx.Client(timeout=60, headers={"Authorization": f"Bearer {self.tokens['access_token']}"})

    def close(self) -> None:
        self._http.close()

    def leave(self, url: str) -> None:
        """Give an api no more requests; it has answered all that it got."""
        with self._one_at_a_time:
            self.urls.remove(url)

    def call(self, method: str, path: str, **options: Any) -> Any:
        """The content of an answer; None for an error that was kept."""
        response = self._request(method, path, **options)
        return response.json() if response is not None and response.content else None

    def lines(self, job: dict[str, Any]) -> bytes:
        """The results of a job as NDJSON."""
        response = self._request("GET", f"/jobs/{job['id']}/results", headers={"Accept": "application/x-ndjson"})
        return response.content if response is not None else b""

    def until(self, path: str, condition: Callable[[Any], object]) -> Any:
        """What is at a path, once it is like that."""
        deadline = time.monotonic() + _SECONDS
        while not ((now := self.call("GET", path)) and condition(now)):
            assert time.monotonic() < deadline, (path, now, self.errors)
            time.sleep(0.1)
        return now

    def _request(self, method: str, path: str, **options: Any) -> httpx.Response | None:
        deadline = time.monotonic() + _SECONDS
        while True:
            with self._one_at_a_time:
                self._next += 1
                url = self.urls[self._next % len(self.urls)]
                try:
                    response = self._http.request(method, f"{url}/api/v1{path}", **options)
                except httpx.TransportError as error:
                    self.errors.append(f"{method} {url}{path}: {error!r}")
                    return None
            if response.status_code == 503 and "retry-after" in response.headers and time.monotonic() < deadline:
                time.sleep(0.2)
                continue
            if response.status_code >= 400:
                self.errors.append(f"{method} {url}{path}: {response.status_code} {response.text[:500]}")
                return None
            return response
