"""The distributed form: the services of docker-compose.yaml with a real RabbitMQ, Redis and PostgreSQL.

WEB_DETECTOR_LONG=1 installs each role's packages with pip into an environment of its own, as the image
does it, instead of linking those that are installed (minutes, and it needs a package registry).
"""

import os
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import redis
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import inspect, select
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from contracts.tables import Base, Job, User, Video, open_database
from tests.compose import COMPOSE, ROLES, entry_and_foreign
from tests.deployment import Deployment, Images, Part
from tests.servers import PASSWORD, USER, Postgres, RabbitMq, Redis, require
from tests.service import ROOT, Service

pytestmark = pytest.mark.distributed
LONG = os.environ.get("WEB_DETECTOR_LONG") == "1"
VALUES = {
    "RABBITMQ_PASSWORD": PASSWORD,
    "POSTGRES_PASSWORD": PASSWORD,
    "JWT_SECRET_KEY": "0123456789abcdef" * 2,
    "CHUNK_SIZE": "48",
    "LEASE_SECONDS": "3",
    "REAPER_SECONDS": "2",
    "DETECTOR_THREADS": "1",
}
MATRIX = [("rabbitmq", "postgres"), ("redis", "postgres"), ("rabbitmq", "sqlite")]


@dataclass(frozen=True)
class Servers:
    rabbitmq: RabbitMq
    redis: Redis
    postgres: Postgres


@pytest.fixture(scope="module")
def starting() -> Iterator[Servers]:
    """One of each, with the options of the compose file; RabbitMQ takes its time."""
    require("rabbitmq-server", "epmd", "redis-server", "initdb", "postgres", "setpriv")
    name, *options = COMPOSE["services"]["redis"]["command"]
    assert name == "redis-server"
    with ExitStack() as stack:
        running = Servers(
            stack.enter_context(RabbitMq()),
            stack.enter_context(Redis(*options)),
            stack.enter_context(Postgres()),
        )
        yield running


@pytest.fixture(scope="module")
def expected(starting: Servers, service: Service, sample: Path) -> bytes:
    """The embedded form's result file of the sample."""
    return service.result_bytes(service.client().detect(sample))


@pytest.fixture(scope="module")
def servers(starting: Servers, expected: bytes) -> Servers:
    """The servers, ready."""
    for server in (starting.redis, starting.postgres, starting.rabbitmq):
        server.wait()
    return starting


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Images:
    return Images(tmp_path_factory.mktemp("images"), real=LONG)


@dataclass(frozen=True)
class Form:
    """A running deployment with its servers."""

    broker: str
    servers: Servers
    deployment: Deployment


@pytest.fixture(scope="module")
def form(
    request: pytest.FixtureRequest, servers: Servers, images: Images, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Form]:
    """The form with a broker and a database; it must end in order, and nobody may have complained."""
    broker, database = request.param
    folder = tmp_path_factory.mktemp(f"{broker}-{database}")
    servers.redis.empty()
    before = images.files()
    deployment = Deployment(images, folder, VALUES, links(servers, folder, broker, database))
    try:
        yield Form(broker, servers, deployment.up(detectors=2))
        statuses = deployment.stop()
        assert set(statuses.values()) == {0}, f"{statuses}\n{deployment.logs()[-6000:]}"
        complaints = [line for part in deployment.parts for line in part.complaints()]
        assert [line for line in complaints if "was begun and left: sending it again" not in line] == []
    finally:
        deployment.kill()
    assert images.files() == before
    assert servers.postgres.complaints() == []
    assert servers.rabbitmq.complaints() == []
    if broker == "rabbitmq":
        assert [servers.rabbitmq.messages(queue) for queue in ("probe", "detector")] == [0, 0]
        servers.rabbitmq.purge("processor")  # a reaper that came too late


def links(servers: Servers, folder: Path, broker: str, database: str) -> dict[str, str]:
    """What stands for the compose file's addresses here."""
    postgres = servers.postgres.create(folder.name)
    return {
        f"amqp://{USER}:{PASSWORD}@rabbitmq:5672//": {
            "rabbitmq": servers.rabbitmq.url,
            "redis": f"{servers.redis.url}/1",
        }[broker],
        "redis://redis:6379": servers.redis.url,
        f"postgresql+pg8000://{USER}:{PASSWORD}@postgres:5432/{USER}": {
            "postgres": postgres,
            "sqlite": f"sqlite:///{folder}/data/web-detector.sqlite",
        }[database],
    }


class Work:
    """Jobs over the sample, as many as it takes, and a look at who works on them."""

    def __init__(self, form: Form, sample: Path) -> None:
        self._deployment = form.deployment
        self._client = form.deployment.client(f"user-{uuid.uuid4().hex[:8]}")
        self._video = self._client.upload(sample)
        self._store = redis.Redis.from_url(f"{form.servers.redis.url}/0")
        self._jobs: list[dict[str, Any]] = []

    def __enter__(self) -> "Work":
        return self

    def __exit__(self, *_: object) -> None:
        self._store.close()

    def until_in_hand(self, *parts: Part) -> None:
        """Keep jobs running until each of these detectors has had a chunk in hand; the last one has it now."""
        deadline, missing = time.monotonic() + 60, {part.pid for part in parts}
        while missing:
            assert time.monotonic() < deadline, f"got no chunk: {missing}"
            if all(self._client.job(job)["finished_at"] for job in self._jobs[-2:]):
                self._jobs.append(self._client.start(self._video))
            end = time.monotonic() + 0.2
            while missing and time.monotonic() < end:
                missing -= self._owners()
                time.sleep(0.01)

    def results(self) -> set[bytes]:
        """The result files of all jobs, once they are done."""
        done = [self._client.wait(job) for job in self._jobs]
        assert [job["state"] for job in done] == ["succeeded"] * len(done), done
        return {self._deployment.result_bytes(job) for job in done}

    def _owners(self) -> set[int]:
        """The ids of the processes that have a chunk in hand."""
        keys = list(self._store.scan_iter(match="wd:job:*:lease:*", count=1000))
        owners: Any = self._store.mget(keys) if keys else []
        return {int(owner.decode().split(":")[1]) for owner in owners if owner}


@pytest.mark.parametrize("form", MATRIX, indirect=True, ids="-".join)
def test_the_result_file_is_the_embedded_forms(form: Form, sample: Path, expected: bytes) -> None:
    client = form.deployment.client("carol")
    job = client.detect(sample)
    assert job["state"] == "succeeded", job
    assert form.deployment.result_bytes(job) == expected
    frames = client.frames(job, limit=50)
    assert [frame["frame"] for frame in frames] == list(range(job["progress"]["frames_total"]))
    assert job["finished_at"] > job["started_at"] > job["created_at"]
    client.call("DELETE", f"/videos/{job['video_id']}", 204)
    client.problem("GET", f"/jobs/{job['id']}", 404, "not_found")


@pytest.mark.parametrize("form", MATRIX[:2], indirect=True, ids="-".join)
def test_the_health_check_of_a_container_tells_whether_it_is_well(form: Form) -> None:
    parts = [part for name in ("api", "processor", "detector") for part in form.deployment.parts_of(name)]
    assert {part.name: form.deployment.unhealthy(part) for part in parts} == {part.name: "" for part in parts}
    another = form.deployment.start("detector")
    assert "does not consume" in form.deployment.unhealthy(another)
    form.deployment.wait_for(detectors=len(form.deployment.parts_of("detector")))
    assert form.deployment.unhealthy(another) == ""
    another.terminate()
    assert another.wait() == 0
    assert "does not consume" in form.deployment.unhealthy(another)


@pytest.mark.parametrize("form", MATRIX[:2], indirect=True, ids="-".join)
def test_detectors_share_the_work_join_it_and_leave_it(form: Form, sample: Path, expected: bytes) -> None:
    first, second = form.deployment.parts_of("detector")
    with Work(form, sample) as work:
        work.until_in_hand(second, first)
        third = form.deployment.start("detector")
        work.until_in_hand(third)
        work.until_in_hand(first)
        first.terminate()
        assert first.wait() == 0
        form.deployment.wait_for(detectors=2)
        assert work.results() == {expected}


@pytest.mark.parametrize("form", MATRIX[:2], indirect=True, ids="-".join)
def test_a_detector_that_is_killed_loses_nothing(form: Form, sample: Path, expected: bytes) -> None:
    victim = form.deployment.parts_of("detector")[0]
    with Work(form, sample) as work:
        work.until_in_hand(victim)
        victim.kill()
        assert work.results() == {expected}


@pytest.fixture
def tables(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A new, empty database in PostgreSQL."""
    url = servers.postgres.create(f"tables-{uuid.uuid4().hex[:8]}")
    monkeypatch.setenv("DATABASE_URL", url)
    engine = open_database(url)
    yield engine
    engine.dispose()


CONFIG = Config(ROOT / "migrations" / "alembic.ini")


def test_the_migrations_build_the_tables_and_remove_them(tables: Engine) -> None:
    command.upgrade(CONFIG, "head")
    with tables.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    command.downgrade(CONFIG, "base")
    assert inspect(tables).get_table_names() == ["alembic_version"]
    command.upgrade(CONFIG, "head")
    assert "jobs" in inspect(tables).get_table_names()


def test_rows_come_back_as_they_were_written(tables: Engine) -> None:
    """Times with their zone, whatever the server's; JSON, and none at all; truth values; large numbers."""
    command.upgrade(CONFIG, "head")
    kolkata = timezone(timedelta(hours=5, minutes=30))
    moment = datetime(2024, 2, 29, 23, 59, 59, 123456, tzinfo=kolkata)
    media = {"fps": 29.97, "name": "Zoë \u20ac", "nested": [1, None, {"a": True}]}
    with Session(tables) as session:
        user = User(username="carol", password_hash="x", created_at=moment)
        session.add(user)
        session.flush()
        video = Video(
            user_id=user.id, content_type="video/mp4", tags=["a"], size_bytes=2**40, sha256="0" * 64, media=media
        )
        session.add(video)
        session.flush()
        session.add(Job(user_id=user.id, video_id=video.id, model="m", options={}, state="queued"))
        session.commit()
    with Session(tables) as session:
        read, job = session.scalars(select(Video)).one(), session.scalars(select(Job)).one()
        user = session.scalars(select(User)).one()
        assert (user.created_at, user.created_at.tzinfo) == (moment, UTC)
        assert (read.tags, read.size_bytes, read.media, read.recorded_at) == (["a"], 2**40, media, None)
        assert (job.cancel_requested, job.summary, job.failed_ranges) == (False, None, [])
        # JSON that is absent is absent to the database as well.
        assert session.scalars(select(Job.id).where(Job.summary.is_(None))).all() == [job.id]
        session.delete(user)
        session.commit()
        assert session.scalars(select(Job.id)).all() == []
        assert session.scalars(select(Video.id)).all() == []


@pytest.mark.parametrize("role", ROLES)
def test_an_image_holds_what_its_role_imports_alone(images: Images, role: str) -> None:
    environ = {"PYTHONPATH": str(images.app(role)), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [str(images.python(role)), "-c", entry_and_foreign(role)]
    done = subprocess.run(command, cwd=images.app(role), env=environ, capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


def test_the_detector_writes_nothing_into_its_home_and_tells_nobody(images: Images, tmp_path: Path) -> None:
    code = "import detector.backends.openvino, sys; print('openvino_telemetry.main' in sys.modules)"
    environ = {"PYTHONPATH": str(images.app("detector")), "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [str(images.python("detector")), "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=True, timeout=60)
    assert (done.stdout.strip(), list(tmp_path.iterdir())) == ("False", [])
