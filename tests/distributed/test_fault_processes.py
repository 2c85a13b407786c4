"""Each process of distributed mode killed in the middle of what it does: the job ends by itself, with the same
bytes as one that nobody disturbed."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from contracts.storage.port import result_key
from tests.support.deployments.breakable import Faulty, Patient, check, stuck_index, the_one, tries
from tests.support.deployments.busy_jobs import Work
from tests.support.deployments.deployment import Deployment
from tests.support.deployments.postgres_gate import Gate

pytestmark = pytest.mark.distributed


@pytest.fixture(scope="module")
def own(faulty: Faulty, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with faulty.run(tmp_path_factory.mktemp("own"), DETECTOR_WORKERS=2) as deployment:
        yield deployment


@pytest.fixture(scope="module")
def twin(own: Deployment, patient: Patient, video: Any) -> bytes:
    """The result file of a job on the same video that nobody disturbed."""
    return own.result_bytes(patient.wait(patient.start(video)))


@pytest.mark.parametrize("victim", [pytest.param("child", marks=pytest.mark.long), "detector"])
def test_detector_killed_with_a_leased_chunk(own: Deployment, clip: Path, twin: bytes, victim: str) -> None:
    part = own.parts_of("detector")[0]
    children = psutil.Process(part.pid).children()
    with Work(own, clip) as work:
        work.until_in_hand(part)
        if victim == "child":
            for child in children:
                child.kill()
        else:
            part.kill()
            own.add("detector")
        assert work.results() == {twin}
    assert not any(psutil.pid_exists(child.pid) for child in children), "the kill hit nothing"


def test_processor_killed_while_planning(own: Deployment, patient: Patient, video: Any, twin: bytes) -> None:
    with stuck_index(own, video) as index:
        job = patient.start(video)
        index.until_read()
        assert patient.job(job)["state"] == "planning"
        the_one(own, "processor").kill()
    own.add("processor")
    check(own, patient.wait(job), twin)


@pytest.mark.parametrize("step", ["merging", "succeeded"])
def test_processor_killed_while_merging(own: Deployment, patient: Patient, video: Any, twin: bytes, step: str) -> None:
    """Before the first step of the merge is noted, and when its result file is written and the end is not noted."""
    with Gate(own.settings().database_url, step) as gate:
        job = patient.start(video)
        gate.until_somebody_waits()
        assert (own.storage() / result_key(video["id"], job["id"])).exists() == (step == "succeeded")
        the_one(own, "processor").kill()
    own.add("processor")
    check(own, patient.wait(job), twin)


def test_api_killed_between_inserting_and_sending_a_job(
    own: Deployment, patient: Patient, video: Any, twin: bytes
) -> None:
    """The client that gets no answer asks again, and there still is one job."""
    before = patient.call("GET", "/jobs", 200)["items"]
    with ThreadPoolExecutor(1) as pool:
        with Gate(own.settings().database_url, None) as gate:
            answer = pool.submit(patient.submit, video)
            gate.until_somebody_waits()
            the_one(own, "api").kill()
        own.add("api")
        job = answer.result()
    check(own, patient.wait(job), twin)
    after = patient.call("GET", "/jobs", 200)["items"]
    assert [one["id"] for one in after] == [job["id"], *(one["id"] for one in before)]


def test_a_rolling_restart_runs_no_chunk_twice_and_shows_the_client_no_error(
    own: Deployment, patient: Patient, video: Any, twin: bytes
) -> None:
    is_over, jobs = threading.Event(), [patient.submit(video)]

    def keep_busy() -> None:
        other = Patient(own.url).use(patient.tokens)
        while not is_over.is_set():
            other.wait(jobs[-1], lambda now: is_over.is_set() or now["finished_at"] is not None)
            jobs.append(other.submit(video))

    with ThreadPoolExecutor(1) as pool:
        busy = pool.submit(keep_busy)
        try:
            for service in ("detector", "processor", "renderer", "api"):
                for part in own.parts_of(service):
                    if service != "api":  # its port is the one that the next one takes
                        own.add(service)
                    part.terminate()
                    assert part.wait() == 0
            own.add("api")
        finally:
            is_over.set()
        busy.result()
    for job in jobs:
        check(own, patient.wait(job), twin)
    begun = [count for job in jobs for count in tries(own, job).values()]
    assert sum(begun) - len(begun) <= 2, "beyond the chunk that each of the two detectors had in hand"
    own.wait_for(detectors=2)
