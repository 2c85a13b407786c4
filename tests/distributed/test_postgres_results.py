"""The whole service with its results in PostgreSQL: the same bytes, also when it restarts."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from contracts.results.postgres.schema import SCHEMA
from tests.support.deployments.busy_jobs import Work
from tests.support.deployments.deployment import Deployment, Images
from tests.support.deployments.modes import RESULTS_IN_POSTGRES, DistributedMode, EmbeddedMode, Servers
from tests.support.deployments.service import Service
from tests.support.servers.debian import Postgres, require
from tests.support.servers.postgres_results import ask
from tests.support.videos.sample_variants import repeated

pytestmark = [pytest.mark.distributed, pytest.mark.long]
SETTINGS = {"CHUNK_SIZE": 48, "DETECTOR_WORKERS": 2, "LEASE_SECONDS": 4, "REAPER_SECONDS": 1}


@pytest.fixture(scope="module")
def clip(full_sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return repeated(full_sample, tmp_path_factory.mktemp("clips") / "long.mp4", 2)


@pytest.fixture(scope="module")
def expected_of_clip(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The result file of the clip with results in Redis."""
    with EmbeddedMode().run(tmp_path_factory.mktemp("expected")) as service:
        return service.result_bytes(service.client().detect(clip))


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A server that the test may break."""
    require("initdb", "postgres", "setpriv")
    with Postgres() as running:
        yield running.wait()


@pytest.fixture(scope="module")
def results(server: Postgres) -> str:
    """The URL of an empty database: all roles find it without tables at their start."""
    return server.create("results")


@pytest.fixture(scope="module")
def own(results: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with EmbeddedMode().run(tmp_path_factory.mktemp("own"), RESULT_STORE_URL=results, **SETTINGS) as running:
        yield running


def test_the_result_file_is_the_same_and_pages_come_from_the_store(
    own: Service, results: str, clip: Path, expected_of_clip: bytes
) -> None:
    client = own.client()
    job = client.start(client.upload(clip))
    client.wait(job, lambda now: now["finished_at"] is not None or client.lines(job) != b"")
    early = client.lines(job)
    assert client.job(job)["state"] == "running"
    assert early
    ended = client.wait(job)
    assert ended["state"] == "succeeded", ended
    assert own.result_bytes(ended) == expected_of_clip
    assert client.lines(job).startswith(early)
    stored = f"SELECT count(*) FROM {SCHEMA}.chunk JOIN {SCHEMA}.job ON chunk.job = job.id WHERE name = '{job['id']}'"
    assert ask(results, stored) == [[own.chunks_total(job)]]
    client.call("DELETE", f"/jobs/{job['id']}", 204)
    assert ask(results, stored) == [[0]]


def test_store_restart_during_a_job_loses_nothing(
    own: Service, server: Postgres, clip: Path, expected_of_clip: bytes
) -> None:
    client = own.client()
    job = client.start(client.upload(clip))
    client.wait(job, lambda now: now["progress"]["frames_done"] > 60)
    server.stop()
    ready = httpx.get(f"{own.url}/readyz", timeout=30)
    assert ready.status_code == 503
    checks = ready.json()["checks"]
    assert checks.pop("result_store").startswith("failed")
    assert set(checks.values()) == {"ok"}
    client.problem("GET", f"/jobs/{job['id']}", 503, "store_unavailable")
    time.sleep(2)  # all who work on the job meet it
    server.start_again()
    server.wait()
    ended = client.wait(job, seconds=90)
    assert ended["state"] == "succeeded", ended
    assert own.result_bytes(ended) == expected_of_clip
    assert httpx.get(f"{own.url}/readyz", timeout=30).status_code == 200


@pytest.fixture(scope="module")
def distributed(starting: Servers, images: Images, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The services of the compose file with RabbitMQ, and PostgreSQL for the tables and the results."""
    for server in (starting.redis, starting.postgres, starting.rabbitmq):
        server.wait()
    mode = DistributedMode("rabbitmq", "postgres", starting, images)
    with mode.run(tmp_path_factory.mktemp("distributed"), **SETTINGS, **RESULTS_IN_POSTGRES) as deployment:
        yield deployment


def test_killed_detector_in_distributed_mode_loses_nothing(
    distributed: Deployment, sample: Path, expected: bytes
) -> None:
    victim = distributed.parts_of("detector")[0]
    with Work(distributed, sample) as work:
        work.until_in_hand(victim)
        victim.kill()
        assert work.results() == {expected}
