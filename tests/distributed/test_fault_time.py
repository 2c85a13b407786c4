"""Clocks that jump, and links so slow that everything takes its time: the same bytes, and no corrupt state."""

import random
import shutil
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from tests.support.deployments.breakable import Faulty, Patient, at_work, check, the_one
from tests.support.deployments.deployment import Deployment
from tests.support.deployments.service import ROOT
from tests.support.requirements import missing
from tests.support.servers.proxy import Proxy

pytestmark = [pytest.mark.distributed, pytest.mark.long]

SOURCE = ROOT / "tests/support/deployments/clock.c"
DAY = 86_400


@dataclass(frozen=True)
class FarApart(Faulty):
    """All roles reach their servers by other ports."""

    ports: tuple[tuple[int, int], ...] = ()

    def links(self, folder: Path, space: str) -> dict[str, str]:
        links = super().links(folder, space)
        for near, far in self.ports:
            links = {name: text.replace(f":{near}/", f":{far}/") for name, text in links.items()}
        return links


@pytest.fixture(scope="module")
def far_apart(faulty: Faulty) -> Iterator[FarApart]:
    """With links that take 2 to 20 ms for each part of 16 KiB, and now and then 1 s."""
    chance = random.Random(7)
    servers = faulty.servers
    with ExitStack() as stack:
        ports = []
        for server in (servers.rabbitmq, servers.redis, servers.postgres):
            proxy = Proxy(server.port, pause=lambda: 1.0 if chance.random() < 0.003 else chance.uniform(0.002, 0.02))
            ports.append((server.port, stack.enter_context(proxy).port))
        yield FarApart(faulty.broker, faulty.database, servers, faulty.images, ports=tuple(ports))


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
        check(slow, patient.wait(patient.submit(video)), twin)


class Clock:
    """What the clock of the day says in all processes that are started with it, and in no others."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("gcc") is None:
            missing("not installed: gcc (tools/install-debian-packages installs it)")
        library = folder / "clock.so"
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE)], check=True)
        self._ahead = folder / "ahead"
        self.jump(0)
        self.enter = ["env", f"LD_PRELOAD={library}", f"TEST_CLOCK={self._ahead}"]

    def jump(self, seconds: int) -> None:
        """So far ahead of the true time."""
        mode = "r+b" if self._ahead.exists() else "wb"
        with self._ahead.open(mode) as sink:  # in place: who has mapped it sees it at once
            sink.write(struct.pack("l", seconds))


def test_workers_whose_clocks_jump_end_their_jobs(own: Deployment, clip: Path, twin: bytes, tmp_path: Path) -> None:
    """By a day, forward and back; their clocks alone, as where each role has a host of its own."""
    clock = Clock(tmp_path)
    own.enter = clock.enter
    for service in ("processor", "detector"):
        before = the_one(own, service)
        own.add(service)
        before.terminate()
        assert before.wait() == 0
    client = Patient(own.url).register("patient")
    video = client.upload(clip)
    for ahead in (DAY, -DAY):
        clock.jump(0)
        job = at_work(client, video)
        clock.jump(ahead)
        other = client.submit(video)  # of which they know nothing yet
        for one in (job, other):
            ended = client.wait(one)
            check(own, ended, twin)
            summary = client.call("GET", f"/jobs/{ended['id']}/summary", 200)
            assert min(summary["seconds"], summary["ms_per_frame"]) >= 0
        assert abs(moment(ended["finished_at"]) - time.time() - ahead) < DAY / 2, "their clock has not jumped"


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
