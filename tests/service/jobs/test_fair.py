"""Users share the detectors: one with many jobs does not keep another waiting, and whoever stops frees them."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from contracts.database.engine import open_database
from contracts.database.tables import Job, utcnow
from contracts.results.redis_store import RedisResultStore
from contracts.workers.celery_app import create_celery
from tests.support.deployments.modes import DeploymentMode
from tests.support.deployments.service import Client, Service
from tests.support.models import tiny_model
from tests.support.videos.sample_variants import still
from tests.support.waiting import until

pytestmark = pytest.mark.every_mode

MANY, AT_ONCE = 10, 2
ENDLESS = 20_000  # frames, minutes of work for nanodet-g


@pytest.fixture(scope="module")
def own(mode: DeploymentMode, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with one detector, and a model that costs it next to nothing."""
    with mode.run(
        tmp_path_factory.mktemp("fair"),
        CHUNK_SIZE=ENDLESS,
        CHUNK_WINDOW=2,
        DETECTOR_WORKERS=1,
        DETECTOR_THREADS=1,
        JOBS_PER_USER=AT_ONCE,
        REAPER_SECONDS=1,
        JOB_DEADLINE_HOURS=2,
    ) as running:
        tiny_model.install(running.settings().models_path)
        yield running


@pytest.fixture(scope="module")
def endless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return still(Path("samples/things.mp4"), tmp_path_factory.mktemp("clips") / "endless.mp4", ENDLESS)


def states(client: Client) -> list[str]:
    """Of all jobs of a user, the oldest first."""
    return [job["state"] for job in reversed(client.call("GET", "/jobs", 200, params={"limit": 100})["items"])]


def test_many_jobs_of_one_user_do_not_delay_another_user(own: Service, sample: Path) -> None:
    many, one = own.client(), own.client()
    video, other = many.upload(sample), one.upload(sample)
    jobs = [many.start(video, model=tiny_model.ID) for _ in range(MANY)]
    lone = one.start(other, model=tiny_model.ID)
    seen = []
    while one.job(lone)["finished_at"] is None:
        seen.append(states(many))
    ended, rest = one.job(lone), [many.wait(job) for job in jobs]
    assert {job["state"] for job in (ended, *rest)} == {"succeeded"}
    assert all(state.count("planning") + state.count("running") <= AT_ONCE for state in seen), seen
    assert ended["finished_at"] < rest[-1]["started_at"], "the last of many was begun before the other user was done"
    begun = [job["started_at"] for job in rest]
    # Those that are at work at once are begun by processors of their own.
    assert all(later > max(begun[: i + 1 - AT_ONCE]) for i, later in enumerate(begun) if i >= AT_ONCE), begun
    assert {own.result_bytes(job) for job in rest} == {own.result_bytes(ended)}


def test_a_cancelled_job_frees_the_detector_and_a_queued_one_ends_at_once(
    own: Service, endless: Path, sample: Path
) -> None:
    client = own.client()
    video = client.upload(endless)
    working = [client.start(video) for _ in range(AT_ONCE)]
    client.wait(working[0], lambda now: now["progress"]["frames_done"] > 0)
    queued = client.start(video)
    cancel(client, queued)
    assert client.wait(queued)["state"] == "cancelled"
    assert states(client) == ["running"] * AT_ONCE + ["cancelled"]
    for job in working:
        cancel(client, job)
    ended = [client.wait(job) for job in working]
    assert {job["state"] for job in ended} == {"cancelled"}
    assert all(job["progress"]["frames_done"] < ENDLESS / 10 for job in ended)
    assert client.detect(sample, model=tiny_model.ID)["state"] == "succeeded", "the detector is free"


def test_detector_abandons_its_chunk_after_a_cancel(own: Service, endless: Path) -> None:
    client = own.client()
    job = client.start(client.upload(endless))
    settings = own.settings()
    store = RedisResultStore.connect(settings.result_store_url, settings.result_ttl_seconds)
    long = 4  # 128 frames, seconds; the ones before are shorter
    until(lambda: store.leased(job["id"], long), 300)
    with own.held(r"detector\.worker"):  # however long the request takes, the chunk is not done meanwhile
        cancel(client, job)
    stands: set[int] = set()

    def left() -> bool:
        stands.add(store.progress(job["id"]).frames)
        return not store.leased(job["id"], long)

    until(left)
    # With each sign of life a detector says how far it is, and looks whether to stop.
    assert len(stands) <= 3, f"it went on: {stands}"
    assert client.wait(job)["state"] == "cancelled"
    assert long + 1 not in store.attempts(job["id"]), "the next one was begun"


def test_chunks_of_lost_messages_are_sent_again(own: Service, full_sample: Path) -> None:
    client = own.client()
    video = client.upload(full_sample)
    calm = client.wait(client.start(video, model=tiny_model.ID))
    assert own.chunks_total(calm) > own.settings().chunk_window, "it is sent in more than one window"
    with own.held(r"detector\.worker"):
        job = client.start(video, model=tiny_model.ID)
        client.wait(job, lambda now: now["state"] == "running")
        until(lambda: purge(own, "detector") > 0)
    ended = client.wait(job)
    assert (ended["state"], ended["error"]) == ("succeeded", None)
    assert own.result_bytes(ended) == own.result_bytes(calm)


def test_job_past_its_deadline_ends_with_partial_results(own: Service, endless: Path, sample: Path) -> None:
    client = own.client()
    video = client.upload(endless)
    jobs = [client.start(video) for _ in range(AT_ONCE + 1)]
    client.wait(jobs[0], lambda now: bool(client.call("GET", f"/jobs/{now['id']}/results", 200)["frames"]))
    engine = open_database(own.settings().database_url)
    with Session(engine) as session, session.begin():
        back = utcnow() - timedelta(hours=3)
        session.execute(update(Job).where(Job.id.in_([job["id"] for job in jobs])).values(created_at=back))
    engine.dispose()
    first, *others = [client.wait(job) for job in jobs]
    assert {job["error"]["code"] for job in (first, *others)} == {"deadline"}
    assert "JOB_DEADLINE_HOURS" in first["error"]["detail"]
    assert first["state"] == "partial"
    assert [frame["frame"] for frame in client.frames(first)] == list(range(first["failed_ranges"][0]["first"]))
    assert first["failed_ranges"][0]["reason"] == first["error"]["detail"]
    assert others[-1]["state"] == "failed", "it had not begun"
    assert client.detect(sample, model=tiny_model.ID)["state"] == "succeeded", "the detector is free"


def cancel(client: Client, job: dict[str, Any]) -> None:
    client.call("POST", f"/jobs/{job['id']}/cancel", 202)


def purge(service: Service, queue: str) -> int:
    """Remove a queue's messages; how many there were."""
    with create_celery(service.settings()).connection_for_write() as connection:
        return int(connection.default_channel.queue_purge(queue) or 0)
