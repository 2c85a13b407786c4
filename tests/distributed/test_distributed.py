"""What distributed mode alone can do: detectors that come and go, and tables in PostgreSQL.

All that it does as embedded mode does is shown by the tests that take the fixture `service` or `mode`.
"""

import subprocess
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import inspect, select
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from contracts.database.engine import open_database
from contracts.database.tables import Base, Job, User, Video
from tests.support.deployments.breakable import space_of
from tests.support.deployments.busy_jobs import Work
from tests.support.deployments.compose import ROLES, entry_and_foreign
from tests.support.deployments.deployment import Deployment, Images
from tests.support.deployments.modes import DistributedMode, Servers
from tests.support.deployments.service import ROOT

pytestmark = pytest.mark.distributed
SETTINGS = {"CHUNK_SIZE": 48, "LEASE_SECONDS": 3, "REAPER_SECONDS": 2, "DETECTOR_THREADS": 1, "DETECTOR_WORKERS": 2}


@pytest.fixture(scope="module")
def own(mode: DistributedMode, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A mode with two detectors; nobody may complain but of the detectors that are killed."""
    with mode.run(tmp_path_factory.mktemp("own"), **SETTINGS) as deployment:
        yield deployment
    assert [line for line in deployment.complaints() if "was abandoned: sending it again" not in line] == []


def test_result_file_equals_that_of_embedded_mode(own: Deployment, sample: Path, expected: bytes) -> None:
    client = own.client()
    job = client.detect(sample)
    assert job["state"] == "succeeded", job
    assert own.result_bytes(job) == expected
    assert job["finished_at"] > job["started_at"] > job["created_at"]


def test_rabbitmq_is_asked_for_nothing_that_it_has_deprecated(own: Deployment, starting: Servers, sample: Path) -> None:
    """4.3 refuses it by default. While all roles are connected, and have had something to do."""
    assert own.client().detect(sample)["state"] == "succeeded"
    assert starting.rabbitmq.deprecated(space_of(own)) == []


def test_container_health_check_detects_failure(own: Deployment) -> None:
    names = ("api", "processor", "renderer", "ingest", "live-detector", "detector")
    parts = [part for name in names for part in own.parts_of(name)]
    assert {part.name.rpartition("-")[0] for part in parts} == set(names)
    assert {part.name: own.unhealthy(part) for part in parts} == {part.name: "" for part in parts}
    another = own.add("detector")
    assert "does not consume" in own.unhealthy(another)
    own.wait_for(detectors=len(own.parts_of("detector")))
    assert own.unhealthy(another) == ""
    another.terminate()
    assert another.wait() == 0
    assert "does not consume" in own.unhealthy(another)


def test_detectors_share_chunks_join_and_leave(own: Deployment, sample: Path, expected: bytes) -> None:
    first, second = own.parts_of("detector")
    with Work(own, sample) as work:
        work.until_in_hand(second, first)
        third = own.add("detector")
        own.wait_for(detectors=3)
        work.until_in_hand(third)
        work.until_in_hand(first)
        first.terminate()
        assert first.wait() == 0
        own.wait_for(detectors=2)
        assert work.results() == {expected}


@pytest.mark.long
def test_killed_detector_loses_nothing(own: Deployment, sample: Path, expected: bytes) -> None:
    victim = own.parts_of("detector")[0]
    with Work(own, sample) as work:
        work.until_in_hand(victim)
        victim.kill()
        assert work.results() == {expected}


@pytest.fixture
def tables(starting: Servers, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A new, empty database in PostgreSQL."""
    url = starting.postgres.wait().create(f"tables-{uuid.uuid4().hex[:8]}")
    monkeypatch.setenv("DATABASE_URL", url)
    engine = open_database(url)
    yield engine
    engine.dispose()


CONFIG = Config(ROOT / "migrations" / "alembic.ini")


def test_migrations_create_and_drop_the_tables(tables: Engine) -> None:
    command.upgrade(CONFIG, "head")
    with tables.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    command.downgrade(CONFIG, "base")
    assert inspect(tables).get_table_names() == ["alembic_version"]
    command.upgrade(CONFIG, "head")
    assert "jobs" in inspect(tables).get_table_names()


def test_rows_are_read_back_unchanged(tables: Engine) -> None:
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
def test_image_contains_only_imports_of_its_role(images: Images, role: str) -> None:
    environ = {"PYTHONPATH": str(images.app(role)), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [str(images.python(role)), "-c", entry_and_foreign(role)]
    done = subprocess.run(command, cwd=images.app(role), env=environ, capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


def test_detector_sends_no_telemetry(images: Images, tmp_path: Path) -> None:
    code = "import detector.engines.openvino, sys; print('openvino_telemetry.main' in sys.modules)"
    environ = {"PYTHONPATH": str(images.app("detector")), "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [str(images.python("detector")), "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=True, timeout=60)
    assert (done.stdout.strip(), list(tmp_path.iterdir())) == ("False", [])
