"""Work that comes more than once, or never ends: each job has one outcome, and harms no other."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis

from contracts.wire.tasks import MERGE_CHUNKS, PROCESS_VIDEO, REAP
from contracts.workers.celery_app import create_celery
from tests.support.deployments.breakable import Faulty, Patient, at_work, check, space_of
from tests.support.deployments.deployment import Deployment
from tests.support.waiting import until

pytestmark = pytest.mark.distributed

TRIES = 3
# Long enough that a detector is caught with a chunk in hand.
SETTINGS = {"CHUNK_SIZE": 60, "DETECTOR_WORKERS": 2}


@pytest.fixture(scope="module")
def own(faulty: Faulty, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with faulty.run(tmp_path_factory.mktemp("own"), **SETTINGS) as deployment:
        yield deployment


@pytest.fixture(scope="module")
def video(patient: Patient, full_sample: Path) -> Any:
    return patient.upload(full_sample)


@pytest.fixture(scope="module")
def calm(patient: Patient, video: Any) -> Any:
    """A job on the same video that nobody disturbed."""
    return patient.wait(patient.start(video))


def kill_those_who_try(own: Deployment, job: dict[str, Any], index: int) -> None:
    """Kill the process that has a chunk in hand, at each of the tries that it may have."""
    url, key = own.settings().result_store_url, f"wd:job:{job['id']}"
    with redis.Redis.from_url(url, decode_responses=True) as client:
        for number in range(1, TRIES + 1):
            until(partial(begun, client, key, index, number))
            owner = int(str(client.get(f"{key}:lease:{index}")).split(":")[1])
            for child in psutil.Process(owner).children():
                child.kill()
            assert not client.hexists(f"{key}:chunks", str(index)), "the chunk was done before its detector was killed"


def begun(client: "redis.Redis", key: str, index: int, number: int) -> bool:
    """Whether a chunk is tried for at least the n-th time."""
    return int(str(client.hget(f"{key}:attempts", str(index)) or 0)) >= number


def test_chunk_that_kills_its_detector_fails_after_three_attempts(
    own: Deployment, patient: Patient, video: Any, calm: Any
) -> None:
    job, other = patient.start(video), patient.start(video)
    kill_those_who_try(own, job, 1)
    ended = patient.wait(job)
    assert (ended["state"], ended["error"]["code"]) == ("partial", "frames_missing")
    (gap,) = ended["failed_ranges"]
    assert "died in every attempt" in gap["reason"]
    whole = patient.frames(calm)
    assert 0 < gap["first"] < gap["last"] < len(whole) - 1, "one chunk out of the middle"
    assert patient.frames(ended) == [one for one in whole if not gap["first"] <= one["frame"] <= gap["last"]]
    check(own, patient.wait(other), own.result_bytes(calm))


def test_duplicate_processors_reapers_and_messages_have_one_outcome(
    own: Deployment, faulty: Faulty, patient: Patient, video: Any, calm: Any
) -> None:
    own.add("processor")
    until(lambda: (own.workers() or {}).get("processor") == 2)
    app = create_celery(own.settings())

    def send_all(job: dict[str, Any]) -> None:
        for name, arguments in ((PROCESS_VIDEO, (job["id"],)), (MERGE_CHUNKS, (job["id"],)), (REAP, ())):
            for _ in range(4):
                app.signature(name, args=arguments, immutable=True).apply_async()

    job = at_work(patient, video)
    send_all(job)
    faulty.servers.rabbitmq.cut(space_of(own))  # whose chunk is delivered to the other one while it is at work
    patient.wait(job, lambda now: now["state"] == "merging" or now["finished_at"] is not None)
    send_all(job)
    ended = patient.wait(job)
    check(own, ended, own.result_bytes(calm))
    until(lambda: not any(faulty.waiting(own).values()))
    files = own.settled_files()
    send_all(job)
    until(lambda: not any(faulty.waiting(own).values()))
    assert patient.job(job) == ended
    assert own.settled_files() == files
    app.close()
