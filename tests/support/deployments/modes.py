"""Deployment modes of the service; tests of a running service must pass in each.

The distributed modes differ in broker and database. They share a RabbitMQ, a Redis and a PostgreSQL, in which each
deployment has its own virtual host, databases and schema.
"""

import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.support.deployments.compose import COMPOSE, Compose
from tests.support.deployments.deployment import Deployment, Images
from tests.support.deployments.embedded import Embedded
from tests.support.deployments.service import Service
from tests.support.servers.debian import PASSWORD, USER, Postgres, Redis, require
from tests.support.servers.rabbitmq import RabbitMq, other_debian
from tests.support.waiting import until

# Redis with SQLite is embedded mode's pair.
MATRIX = ("rabbitmq-postgres", "redis-postgres", "rabbitmq-sqlite")
# Settings that put the results of running jobs into the compose file's PostgreSQL.
RESULTS_IN_POSTGRES = {
    "RESULT_STORE_URL": f"postgresql+pg8000://{USER}:{PASSWORD}@postgres:5432/{USER}",
    "REDIS_URL": "redis://redis:6379/0",
}
# The .env of a test's host; Redis has a password where a compose file gives it one.
SECRETS = {
    "RABBITMQ_PASSWORD": PASSWORD,
    "POSTGRES_PASSWORD": PASSWORD,
    "REDIS_PASSWORD": PASSWORD,
    "FLOWER_PASSWORD": PASSWORD,
    "JWT_SECRET_KEY": "0123456789abcdef" * 2,
    "REGISTRATIONS_PER_ADDRESS": "0",  # all users of the tests have one address
    "PRECISION": "fp32",  # on every CPU the same answers, those of tests.support.reference
    "TRACK_PICTURES": "off",
    "TRACKS": "off",  # results have the same bytes whenever they are read; tests of tracks turn it on
}


class DeploymentMode(Protocol):
    """How the services run."""

    def run(self, folder: Path, **settings: object) -> AbstractContextManager[Service]:
        """A service with its data in a folder of its own; it must stop cleanly. DETECTOR_WORKERS: number of
        detectors in every mode."""


class EmbeddedMode:
    """`make up`."""

    @contextmanager
    def run(self, folder: Path, **settings: object) -> Iterator[Embedded]:
        folder.mkdir(parents=True, exist_ok=True)
        service = Embedded(folder / "data", **settings).start()
        status = None
        try:
            yield service
        finally:
            status = service.stop()
        assert status == 0, service.output()[-6000:]


@dataclass(frozen=True)
class Servers:
    """Servers of the distributed modes."""

    rabbitmq: RabbitMq
    redis: Redis
    postgres: Postgres

    def complaints(self) -> list[str]:
        """Warnings and errors in their logs."""
        return [*self.rabbitmq.complaints(), *self.postgres.complaints()]


@contextmanager
def start_servers(compose: Compose = COMPOSE, *addresses: str) -> Iterator[Servers]:
    """Start one of each, with the options of the compose file; call `wait` before use, since RabbitMQ starts slowly.

    addresses: on which broker and result store listen besides 127.0.0.1.
    """
    require("rabbitmq-server", "epmd", "redis-server", "initdb", "postgres", "setpriv")
    name, *options = compose.command("redis", SECRETS)
    assert name == "valkey-server"  # Debian has Redis, which takes the same options
    with ExitStack() as stack:
        yield Servers(
            stack.enter_context(RabbitMq(*addresses, root=other_debian())),
            stack.enter_context(Redis(options, *addresses)),
            stack.enter_context(Postgres()),
        )


@dataclass(frozen=True)
class DistributedMode:
    """`docker compose up --scale detector=N`, on a broker and a database."""

    broker: str
    database: str
    servers: Servers
    images: Images
    compose: Compose = COMPOSE

    @contextmanager
    def run(self, folder: Path, **settings: object) -> Iterator[Deployment]:
        detectors = int(str(settings.pop("DETECTOR_WORKERS", 1)))
        values = {**compose_secrets(self.compose), **{name: str(value) for name, value in settings.items()}}
        before = self.images.files()
        space = f"{folder.name}-{uuid.uuid4().hex[:8]}"
        deployment = Deployment(self.compose, self.images, folder, values, self.links(folder, space), detectors)
        try:
            yield deployment.start()
            # A chunk that was sent again may still wait when its job has ended.
            until(lambda: self.unread(space) == [0, 0])
            assert deployment.stop() == 0, deployment.logs()[-6000:]
        finally:
            deployment.kill()
        assert self.images.files() == before, "an image was written to"
        complaints = self.servers.complaints()
        assert not complaints, complaints
        assert self.unread(space) == [0, 0]

    def unread(self, space: str) -> list[int]:
        """How many messages of RabbitMQ wait for workers that sandbox; with Redis it is not known."""
        if self.broker != "rabbitmq":
            return [0, 0]
        return [self.servers.rabbitmq.messages(space, queue) for queue in ("probe", "detector")]

    def links(self, folder: Path, space: str) -> dict[str, str]:
        """Replacements for the addresses of the compose file, by new ones in the servers."""
        servers = self.servers
        on_postgres = self.database == "postgres"
        return addresses(
            broker=servers.rabbitmq.create(space) if self.broker == "rabbitmq" else servers.redis.create(),
            store=servers.redis.create(),
            database=servers.postgres.create(space) if on_postgres else f"sqlite:///{folder}/data/web-detector.sqlite",
            login=servers.redis.login,
        )


def compose_secrets(compose: Compose = COMPOSE) -> dict[str, str]:
    """The secrets that the compose file requires."""
    return {name: value for name, value in SECRETS.items() if name in compose.text}


def addresses(*, broker: str, store: str, database: str, login: str = "") -> dict[str, str]:
    """Replacements for the addresses of the compose file. login: the part before the host of its Redis URL."""
    return {
        f"amqp://{USER}:{PASSWORD}@rabbitmq:5672//": broker,
        f"redis://{login}redis:6379/0": store,
        f"postgresql+pg8000://{USER}:{PASSWORD}@postgres:5432/{USER}": database,
    }
