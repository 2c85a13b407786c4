"""Detectors on a host that has nothing but the addresses of broker and result store, and the videos to read."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.deployments.busy_jobs import Work
from tests.support.deployments.compose import MAIN, Compose
from tests.support.deployments.deployment import Containers, Deployment, Images, Part
from tests.support.deployments.modes import DistributedMode, Servers, start_servers
from tests.support.deployments.service import family
from tests.support.servers.network import OtherHost

pytestmark = [pytest.mark.distributed, pytest.mark.long]

CENTRAL = Compose(MAIN, "deploy/central-host.yaml")
INFERENCE = Compose("deploy/inference-host.yaml")
SETTINGS = {"CHUNK_SIZE": 48, "LEASE_SECONDS": 3, "REAPER_SECONDS": 2, "DETECTOR_THREADS": 1, "DETECTOR_WORKERS": 1}


@pytest.fixture(scope="module")
def host() -> Iterator[OtherHost]:
    with OtherHost() as other:
        yield other


@pytest.fixture(scope="module")
def servers(host: OtherHost) -> Iterator[Servers]:
    """Those of the central host, which the other one reaches."""
    with start_servers(CENTRAL, host.address) as running:
        for server in (running.redis, running.postgres, running.rabbitmq):
            server.wait()
        yield running


@pytest.fixture(scope="module", params=["rabbitmq-postgres", "redis-postgres"])
def central(
    request: pytest.FixtureRequest, servers: Servers, images: Images, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """The central host, with a detector of its own."""
    broker, database = request.param.split("-")
    mode = DistributedMode(broker, database, servers, images, CENTRAL)
    with mode.run(tmp_path_factory.mktemp("central"), **SETTINGS) as deployment:
        yield deployment


@pytest.fixture
def elsewhere(
    central: Deployment, host: OtherHost, images: Images, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Containers]:
    """The inference host, still without a detector."""
    folder, mount = (tmp_path_factory.mktemp(name) for name in ("elsewhere", "mount"))
    storage = Path(central.settings().storage_path)
    storage.mkdir(exist_ok=True)
    urls = {
        "BROKER_URL": central.settings().broker_url.replace("127.0.0.1", host.address),
        "RESULT_STORE_URL": central.settings().result_store_url.replace("127.0.0.1", host.address),
    }
    values = {**urls, "STORAGE_FOLDER": str(storage), "LEASE_SECONDS": "3", "DETECTOR_THREADS": "1"}
    enter = host.enter(storage, mount, hidden=storage.parent)
    containers = Containers(INFERENCE, images, folder, values, {"/storage": str(mount)}, enter)
    try:
        yield containers
    finally:
        containers.kill()
        print(containers.logs())  # shown where a test fails


def test_remote_detectors_process_jobs_and_stop_cleanly(
    central: Deployment, elsewhere: Containers, sample: Path, expected: bytes
) -> None:
    (near,) = central.parts_of("detector")
    first, second = (elsewhere.add("detector") for _ in range(2))
    central.wait_for(detectors=3)
    near.terminate()
    assert near.wait() == 0
    with Work(central, sample) as work:
        work.until_in_hand(second, first)
        assert work.results() == {expected}
    central.add("detector")
    central.wait_for(detectors=3)
    with Work(central, sample) as work:
        work.until_in_hand(first)
        assert elsewhere.stop() == 0
        central.wait_for(detectors=1)
        assert work.results() == {expected}
    assert elsewhere.complaints() == []


def test_killed_remote_detector_loses_nothing(
    central: Deployment, elsewhere: Containers, sample: Path, expected: bytes
) -> None:
    victim = elsewhere.add("detector")
    central.wait_for(detectors=2)
    with Work(central, sample) as work:
        work.until_in_hand(victim)
        victim.kill()
        assert work.results() == {expected}
    central.wait_for(detectors=1)


def test_disconnected_detector_loses_nothing_and_reconnects(
    central: Deployment, elsewhere: Containers, host: OtherHost, sample: Path, expected: bytes
) -> None:
    part = elsewhere.add("detector")
    central.wait_for(detectors=2)
    with Work(central, sample) as work:
        work.until_in_hand(part)
        host.cut()
        try:
            assert work.results() == {expected}
            central.wait_for(detectors=1)
            before = cpu_seconds(part)
            time.sleep(10)
            assert cpu_seconds(part) - before < 3, "it spins"
        finally:
            host.mend()
        central.wait_for(detectors=2)
        work.until_in_hand(part)
        assert work.results() == {expected}
    assert elsewhere.stop() == 0
    central.wait_for(detectors=1)


def cpu_seconds(part: Part) -> float:
    """What its processes have used so far."""
    times = [process.cpu_times() for process in family(part.pid)]
    return sum(time.user + time.system for time in times)
