"""The guide of docs/deploy.md to several hosts in containers, followed in network namespaces: a central host and two
inference hosts, with its firewall, names, addresses and ports.

What the compose files start by the guide's lines of .env runs as processes, with the environment that the files give.
RabbitMQ, Redis and PostgreSQL are Debian's; the shared folder is a mount that is read only.
"""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.support.deployments.deployment import Containers, Deployment, Images
from tests.support.deployments.guide import INFERENCE_HOSTS, OUTSIDE, hosts, of_central, of_inference, servers
from tests.support.servers.lan import Lan
from tests.support.waiting import until

pytestmark = [pytest.mark.distributed, pytest.mark.long]

BUNDLED = {"migrate", "rabbitmq", "redis", "postgres"}
ALONE = {"processor": 1, "renderer": 1, "ingest": 1}


@pytest.fixture(scope="module")
def lan() -> Iterator[Lan]:
    with hosts() as network:
        yield network


@pytest.fixture(scope="module")
def central(lan: Lan, images: Images, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The central host, where the test is, too."""
    chosen = of_central()
    address = lan.addresses["central"]
    assert {(address, 5672), (address, 6379)} <= chosen.published("rabbitmq") | chosen.published("redis")
    folder = tmp_path_factory.mktemp("central")
    with servers(lan), ExitStack() as stack:
        deployment = Deployment(chosen.compose, images, folder, chosen.values(), {}, 0)
        [(_, deployment.port)] = chosen.published("api")
        deployment.enter = lan.inside("central")
        stack.callback(shown, deployment)
        stack.callback(deployment.kill)
        assert deployment.add("migrate").wait() == 0
        for name in sorted(chosen.services - BUNDLED):
            deployment.add(name)
        until(lambda: workers(deployment) == ALONE, 300)
        yield deployment
        assert deployment.stop() == 0


@pytest.fixture
def inference(
    lan: Lan, central: Deployment, images: Images, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Containers]]:
    """The inference hosts, with their containers. They see the central host's folder where the guide mounts it, read
    only, and not where it is on this machine."""
    chosen = of_inference()
    folder = Path(chosen.env["STORAGE_FOLDER"])
    data = central.storage().parent
    (data / folder.name).mkdir(exist_ok=True)
    share = (
        f"mount -t tmpfs none /mnt && mkdir {folder.parent} && mount --bind {data} {folder.parent}"
        f" && mount -o remount,bind,ro {folder.parent} && mount -t tmpfs none {data}"
    )
    with ExitStack() as stack:
        running = []
        for name in INFERENCE_HOSTS:
            links, enter = {"/storage": str(folder)}, lan.inside(name, share)
            own = tmp_path_factory.mktemp(name)
            host = Containers(chosen.compose, images, own, chosen.values(), links, enter)
            stack.callback(shown, host)
            stack.callback(host.kill)
            for service, count in chosen.counts.items():
                for _ in range(count):
                    host.add(service)
            running.append(host)
        yield running


def shown(host: Containers) -> None:
    """Print its logs, for a test that fails."""
    print(host.logs())


def workers(central: Deployment) -> Any:
    """Counts of the kinds of workers that are there."""
    return {name: count for name, count in (central.workers() or {}).items() if count}


def owners(url: str, job: dict[str, Any]) -> set[int]:
    """Process ids of the detectors that have chunks of a job in hand now."""
    with redis.Redis.from_url(url) as client:
        keys = list(client.scan_iter(match=f"wd:job:{job['id']}:lease:*", count=1000))
        values: Any = client.mget(keys) if keys else []
    return {int(value.decode().split(":")[1]) for value in values if value}


def test_a_job_that_both_hosts_work_on_has_the_bytes_of_embedded_mode(
    expected: bytes, central: Deployment, inference: list[Containers], sample: Path
) -> None:
    detectors = [{part.pid for part in host.parts_of("detector")} for host in inference]
    until(lambda: workers(central) == {**ALONE, "detector": 4, "live_detector": 2}, 300)
    client = central.client("guide")
    url = central.settings().result_store_url.replace("@redis:", "@127.0.0.1:")  # the test itself knows no such name
    video = client.upload(sample)

    def shared() -> bool:
        """Whether detectors of both hosts have worked on a new job; its results are right in any case."""
        job, seen = client.start(video), set[int]()
        while not (ended := client.job(job))["finished_at"]:
            seen |= owners(url, job)
        assert ended["state"] == "succeeded"
        assert central.result_bytes(ended) == expected
        return all(seen & pids for pids in detectors)

    until(shared)
    assert [host.stop() for host in inference] == [0, 0]
    until(lambda: workers(central) == ALONE)
    assert [host.complaints() for host in inference] == [[], []]


@pytest.mark.parametrize(("host", "reaches"), [("gpu-2", True), (OUTSIDE, False)])
def test_the_servers_are_open_to_inference_hosts_alone(lan: Lan, central: Deployment, host: str, reaches: bool) -> None:
    address, connected = lan.addresses["central"], []
    with lan.within(host):
        for port in (5672, 6379):
            with suppress(TimeoutError), socket.create_connection((address, port), timeout=2):
                connected.append(port)
        for port in (8080, 5432):  # on loopback
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((address, port), timeout=60)
    assert connected == ([5672, 6379] if reaches else [])
