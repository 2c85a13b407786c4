"""The guide of docs/deploy.md to several hosts: its commands, what its lines of .env choose, and the network that it is
about."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.support.deployments.compose import Compose, interpolated
from tests.support.deployments.modes import compose_secrets
from tests.support.deployments.service import ROOT
from tests.support.servers.debian import PASSWORD, USER, Postgres, Redis, require
from tests.support.servers.lan import Lan
from tests.support.servers.rabbitmq import RabbitMq

INFERENCE_HOSTS = {"gpu-1": "10.0.0.2", "gpu-2": "10.0.0.3"}
OUTSIDE = "outside"
# Of the tests: short chunks, little CPU for each detector, and on every CPU the same answers.
QUICK = {"CHUNK_SIZE": "24", "DETECTOR_THREADS": "1", "PRECISION": "fp32", "TRACKS": "off", "TRACK_PICTURES": "off"}


def blocks(section: str) -> list[str]:
    """The commands and lines of a section, with the tests' password."""
    text = (ROOT / "docs/deploy.md").read_text()
    [found] = re.findall(rf"^## {section}\n(.*?)^## ", text, re.M | re.S)
    return [re.sub(r"\bPASSWORD\b", PASSWORD, block) for block in re.findall(r"```sh\n(.*?)```", found, re.S)]


class Chosen:
    """What lines of .env choose. counts: containers of each service, as the command after the lines says."""

    def __init__(self, block: str) -> None:
        self.env = dict(re.findall(r"^([A-Z_]+)=(.*)$", block, re.M))
        self.compose = Compose(*self.env.pop("COMPOSE_FILE").split(":"))
        self.services = self.compose.enabled(*self.env.pop("COMPOSE_PROFILES").split(","))
        scale = {name: int(count) for name, count in re.findall(r"--scale ([\w-]+)=(\d+)", block)}
        self.counts = {name: scale.get(name, 1) for name in sorted(self.services)}

    def values(self) -> dict[str, str]:
        """Of .env: the lines of the guide, the secrets, and what makes a test quick."""
        quick = {name: value for name, value in QUICK.items() if name in self.compose.text}
        return {**compose_secrets(self.compose), **quick, **self.env}

    def published(self, service: str) -> set[tuple[str, int]]:
        """Addresses and ports of this host that lead to a service."""
        ports = (interpolated(text, self.values()) for text in self.compose.services[service].get("ports", []))
        return {(address, int(port)) for address, port, _ in (text.split(":") for text in ports)}


def of_central() -> Chosen:
    """What the guide chooses for the central host."""
    return Chosen(blocks("Inference hosts in containers")[0])


def of_inference() -> Chosen:
    """What it chooses for an inference host."""
    return Chosen(blocks("Inference hosts in containers")[2])


@contextmanager
def hosts() -> Iterator[Lan]:
    """A central host, inference hosts and one outside of their network, with the firewall of the guide."""
    require("nft")
    central = of_central().env["PRIVATE_ADDRESS"]
    with Lan({"central": central, **INFERENCE_HOSTS, OUTSIDE: "10.1.0.2"}, "rabbitmq redis postgres") as lan:
        for line in blocks("Network and firewall")[0].splitlines():
            subprocess.run([*lan.inside("central"), *shlex.split(line)], check=True)
        yield lan


@contextmanager
def servers(lan: Lan) -> Iterator[None]:
    """RabbitMQ, Redis and PostgreSQL of the central host, at the ports of the guide; this thread is there meanwhile."""
    require("rabbitmq-server", "epmd", "redis-server", "initdb", "postgres", "setpriv")
    chosen, address = of_central(), lan.addresses["central"]
    _, *options = chosen.compose.command("redis", chosen.values())
    with lan.within("central"), ExitStack() as stack:
        postgres = Postgres().on(5432)
        running = [RabbitMq(address).on(5672), Redis(options, address).on(6379), postgres]
        for server in running:
            stack.enter_context(server)
        for server in running:
            server.wait()
        postgres.create(USER)
        yield
