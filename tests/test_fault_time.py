"""Clocks that jump, and links so slow that everything takes its time: the same bytes, and no corrupt state."""

import os
import random
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.deployment import Deployment
from tests.faulty import Faulty, Patient, at_work, check, short, the_one
from tests.missing import missing
from tests.proxy import Proxy

pytestmark = pytest.mark.distributed

FAKE_CLOCK = Path(f"/usr/lib/{os.uname().machine}-linux-gnu/faketime/libfaketime.so.1")


@dataclass(frozen=True)
class FarApart(Faulty):
    """All roles reach their servers by other ports."""

    ports: tuple[tuple[int, int], ...] = ()

    def _links(self, folder: Path, space: str) -> dict[str, str]:
        links = super()._links(folder, space)
        for near, far in self.ports:
            links = {name: text.replace(f":{near}/", f":{far}/") for name, text in links.items()}
        return links


@pytest.fixture(scope="module")
def far_apart(faulty: Faulty) -> Iterator[FarApart]:
    """With links that take 5 to 40 ms for each part of 16 KiB, and now and then 2 s."""
    chance = random.Random(7)
    servers = faulty.servers
    with ExitStack() as stack:
        ports = []
        for server in (servers.rabbitmq, servers.redis, servers.postgres):
            proxy = Proxy(server.port, pause=lambda: 2.0 if chance.random() < 0.005 else chance.uniform(0.005, 0.04))
            ports.append((server.port, stack.enter_context(proxy).port))
        yield FarApart(faulty.broker, faulty.database, servers, faulty.images, ports=tuple(ports))


@pytest.fixture(scope="module")
def clip(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return short(sample, tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="module")
def own(faulty: Faulty, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with faulty.run(tmp_path_factory.mktemp("own")) as deployment:
        yield deployment


@pytest.fixture(scope="module")
def twin(own: Deployment, clip: Path) -> bytes:
    """The result file of a job on the same video that nobody disturbed."""
    return own.result_bytes(own.client().detect(clip))


def test_slow_links_change_nothing(far_apart: FarApart, twin: bytes, clip: Path, tmp_path: Path) -> None:
    with far_apart.run(tmp_path / "own") as slow:
        patient = Patient(slow.url).register("patient")
        video = patient.upload(clip)
        jobs = [patient.submit(video) for _ in range(2)]
        for job in jobs:
            check(slow, patient.wait(job), twin)


def test_workers_whose_clocks_jump_end_their_jobs(own: Deployment, clip: Path, twin: bytes, tmp_path: Path) -> None:
    """By a day, forward and back; their clocks alone, as where each role has a host of its own."""
    if not FAKE_CLOCK.exists():
        missing(f"{FAKE_CLOCK} is not there: tools/install-debian-packages installs it")
    offset = tmp_path / "offset"

    def jump(to: str) -> None:
        offset.with_suffix(".new").write_text(to)
        offset.with_suffix(".new").rename(offset)

    jump("+0")
    own.enter = ["env", f"LD_PRELOAD={FAKE_CLOCK}", f"FAKETIME_TIMESTAMP_FILE={offset}", "FAKETIME_NO_CACHE=1"]
    own.enter.append("FAKETIME_DONT_FAKE_MONOTONIC=1")
    for service in ("processor", "detector"):
        before = the_one(own, service)
        own.add(service)
        before.terminate()
        assert before.wait() == 0
    client = Patient(own.url).register("patient")
    video = client.upload(clip)
    for now in ("+1d", "-1d"):
        jump("+0")
        job = at_work(client, video)
        jump(now)
        other = client.submit(video)  # of which they know nothing yet
        for one in (job, other):
            check_all(own, client, client.wait(one), twin)


def check_all(own: Deployment, client: Patient, ended: dict[str, Any], twin: bytes) -> None:
    check(own, ended, twin)
    summary = client.call("GET", f"/jobs/{ended['id']}/summary", 200)
    assert summary["seconds"] >= 0
    assert summary["ms_per_frame"] >= 0
