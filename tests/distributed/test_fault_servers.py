"""The broker, the result store and the database ended in the middle of a job, and started again: the job ends by
itself, with the same bytes as one that nobody disturbed."""

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from tests.support.deployments.breakable import Faulty, Patient, at_work, check, space_of, the_one
from tests.support.deployments.deployment import Deployment
from tests.support.deployments.service import Client
from tests.support.servers.debian import Server
from tests.support.waiting import until

pytestmark = pytest.mark.distributed

AWAY_SECONDS = float(os.environ.get("WEB_DETECTOR_AWAY_SECONDS", "10"))


@pytest.fixture(scope="module")
def own(faulty: Faulty, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with faulty.run(tmp_path_factory.mktemp("own"), DETECTOR_WORKERS=1) as deployment:
        yield deployment


@pytest.fixture(scope="module")
def twin(own: Deployment, patient: Patient, video: Any) -> bytes:
    """The result file of a job on the same video that nobody disturbed."""
    return own.result_bytes(patient.wait(patient.start(video)))


def restart(server: Server, how: signal.Signals | None = None) -> None:
    server.stop(how)
    server.start_again().wait()


def test_killed_broker(own: Deployment, faulty: Faulty, patient: Patient, video: Any, twin: bytes) -> None:
    job = at_work(patient, video)
    restart(faulty.servers.rabbitmq, signal.SIGKILL)
    check(own, patient.wait(job), twin)


def test_broker_outage(own: Deployment, faulty: Faulty, patient: Patient, video: Any, twin: bytes) -> None:
    """What comes meanwhile is taken, and done when it is back."""
    job = at_work(patient, video)
    faulty.servers.rabbitmq.stop()
    other = patient.start(video)
    time.sleep(AWAY_SECONDS)
    assert patient.job(other)["state"] == "queued"
    faulty.servers.rabbitmq.start_again().wait()
    check(own, patient.wait(job), twin)
    check(own, patient.wait(other), twin)


def test_lost_messages_are_sent_again(
    own: Deployment, faulty: Faulty, patient: Patient, video: Any, twin: bytes
) -> None:
    """Those of chunks that nobody has begun, too."""
    job = at_work(patient, video)
    while not faulty.servers.rabbitmq.purge(space_of(own), "detector"):
        patient.wait(job)
        job = at_work(patient, video)
    check(own, patient.wait(job), twin)


@pytest.mark.parametrize("how", [None, pytest.param(signal.SIGKILL, marks=pytest.mark.long)])
def test_restarted_redis_keeps_its_data(
    own: Deployment, faulty: Faulty, patient: Patient, video: Any, twin: bytes, how: signal.Signals | None
) -> None:
    job = at_work(patient, video)
    restart(faulty.servers.redis, how)
    check(own, patient.wait(job), twin)


def test_emptied_redis_is_recomputed(own: Deployment, patient: Patient, video: Any, twin: bytes) -> None:
    job = at_work(patient, video)
    settings = own.settings()
    for url in {settings.result_store_url, settings.coordination_url}:
        with redis.Redis.from_url(url) as client:
            client.flushdb()
    check(own, patient.wait(job), twin)


def test_full_redis_delays_the_job(own: Deployment, faulty: Faulty, patient: Patient, video: Any, twin: bytes) -> None:
    """It says so, and neither forgets nor invents a result."""
    job = at_work(patient, video)
    with redis.Redis.from_url(faulty.servers.redis.url()) as client:
        client.config_set("maxmemory", "1")
        try:
            until(lambda: "OutOfMemoryError" in the_one(own, "detector").log.read_text())
            assert patient.job(job)["finished_at"] is None
        finally:
            client.config_set("maxmemory", "0")
    check(own, patient.wait(job), twin)


@pytest.mark.parametrize("how", [None, pytest.param(signal.SIGQUIT, marks=pytest.mark.long)])
def test_restarted_database(
    own: Deployment, faulty: Faulty, patient: Patient, video: Any, twin: bytes, how: signal.Signals | None
) -> None:
    """SIGQUIT: without a word to its clients, and with a recovery to follow. Meanwhile clients are told so."""
    job = at_work(patient, video)
    faulty.servers.postgres.stop(how)
    Client(own.url).use(patient.tokens).problem("GET", f"/jobs/{job['id']}", 503, "unavailable")
    faulty.servers.postgres.start_again().wait()
    check(own, patient.wait(job), twin)
