"""Results are read while the job runs, and a cursor taken then outlives the job and the store."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis

from contracts.results.redis_store import RedisResultStore
from tests.support.deployments.service import Client, Service
from tests.support.videos.sample_variants import repeated

pytestmark = pytest.mark.every_mode


TIMES = 10


@pytest.fixture(scope="module")
def long_clip(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return repeated(sample, tmp_path_factory.mktemp("long") / "long.mp4", TIMES)


@contextmanager
def under_way(service: Service, client: Client, job: dict[str, Any], frames: int) -> Iterator[None]:
    """A job with more than so many frames done stands still for the length of the context."""
    client.wait(job, lambda now: now["progress"]["frames_done"] > frames)
    with service.held(r"detector\.worker"):
        assert client.job(job)["state"] == "running", "the clip is too short to see a running job"
        yield


@dataclass
class Early:
    """A job, and what was to be seen of it while it ran."""

    client: Client
    job: dict[str, Any]
    queued: Any
    now: Any
    first: Any
    frontier: Any
    waiting: Any
    lines: bytes
    series: Any
    first_buckets: Any
    appearances: Any


@pytest.fixture(scope="module")
def early(reaching: Service, long_clip: Path) -> Early:
    """It has ended since."""
    client = reaching.client()
    job = client.start(client.upload(long_clip))
    path = f"/jobs/{job['id']}"
    queued = client.call("GET", f"{path}/series", 200)
    with under_way(reaching, client, job, 100):
        first = page(client, job, limit=50)
        now = client.job(job)
        client.problem("GET", f"{path}/summary", 409, "results_not_ready")
        frontier = page(client, job, limit=5000, cursor=first["next_cursor"])
        waiting = page(client, job, limit=5000, cursor=frontier["next_cursor"])
        lines = client.lines(job)
        series = client.call("GET", f"{path}/series", 200, params={"buckets": 50})
        buckets = client.call("GET", f"{path}/series", 200, params={"to_ms": 400})
        appearances = client.call("GET", f"{path}/appearances", 200, params={"label": "person"})
    job = client.wait(job)
    assert job["state"] == "succeeded"
    return Early(client, job, queued, now, first, frontier, waiting, lines, series, buckets, appearances)


def test_a_cursor_outlives_the_merge_and_the_store(reaching: Service, early: Early) -> None:
    client, job, first, frontier, waiting = early.client, early.job, early.first, early.frontier, early.waiting
    assert first["complete"] is False
    assert [frame["frame"] for frame in first["frames"]] == list(range(50))
    assert 0 < early.now["progress"]["fraction"] < 1
    assert early.now["progress"]["fps"] > 0
    assert waiting["frames"] == [] or int(waiting["frames"][0]["frame"]) == frontier["frames"][-1]["frame"] + 1

    from_store = client.lines(job)
    rest = client.frames(job, cursor=first["next_cursor"])
    assert [frame["frame"] for frame in rest] == list(range(50, job["progress"]["frames_total"]))
    assert client.frames(job)[:50] == first["frames"], "what was seen early is what stays"

    kept = store_of(reaching)
    kept.forget(job["id"])
    assert kept.chunk_indexes(job["id"]) == frozenset()
    assert client.frames(job, cursor=first["next_cursor"]) == rest
    assert client.lines(job) == from_store


def test_lines_of_a_running_job_end_at_the_frontier(early: Early) -> None:
    assert early.lines
    whole = early.client.lines(early.job)
    assert whole.startswith(early.lines)
    assert len(whole) > len(early.lines)


def test_the_timeline_of_a_running_job_shows_what_is_finished(early: Early) -> None:
    client, series, seen = early.client, early.series, early.appearances
    path = f"/jobs/{early.job['id']}"
    assert early.queued["frontier_ms"] is not None
    assert (series["complete"], early.first_buckets["complete"]) == (False, False)
    assert early.first_buckets["frontier_ms"] is None
    assert series["from_ms"] < series["frontier_ms"] < series["to_ms"]
    assert seen["items"]
    assert seen["next_cursor"]
    settled = [item for item in seen["items"] if not item["growing"]]

    late = client.call("GET", f"{path}/series", 200, params={"buckets": 50})
    assert (late["complete"], late["frontier_ms"]) == (True, None)
    span = {name: series[name] for name in ("from_ms", "to_ms")}
    assert span == pytest.approx({name: late[name] for name in span}, abs=1), "the plot must not jump at the end"
    whole = [bucket for bucket, frames in enumerate(series["frames"]) if frames == late["frames"][bucket]]
    assert [series["any"][bucket] for bucket in whole] == [late["any"][bucket] for bucket in whole]
    assert len(whole) > 5
    query = {"label": "person", "cursor": seen["next_cursor"]}
    rest = client.call("GET", f"{path}/appearances", 200, params=query)["items"]
    assert [*settled, *rest] == client.call("GET", f"{path}/appearances", 200, params={"label": "person"})["items"]


def test_cancelled_job_keeps_finished_results(reaching: Service, long_clip: Path) -> None:
    client = reaching.client()
    job = client.start(client.upload(long_clip))
    with under_way(reaching, client, job, 60):
        assert client.call("POST", f"/jobs/{job['id']}/cancel", 202)["cancel_requested"]
    ended = client.wait(job)
    assert ended["state"] == "cancelled"
    (missing,) = ended["failed_ranges"]
    assert missing["reason"] == "the job was cancelled"
    frames = client.frames(job)
    assert [frame["frame"] for frame in frames] == list(range(missing["first"]))
    assert frames
    assert client.call("GET", f"/jobs/{job['id']}/summary", 200)["frames"] == len(frames)
    assert client.call("POST", f"/jobs/{job['id']}/cancel", 202)["state"] == "cancelled"
    client.call("DELETE", f"/jobs/{job['id']}", 204)
    kept = store_of(reaching)
    assert kept.cancelled(job["id"]), "chunks that wait in the queue must find that nobody wants them"
    assert kept.get_layout(job["id"]) is None


@pytest.mark.long
def test_emptied_result_store_is_recomputed(reaching: Service, long_clip: Path) -> None:
    client = reaching.client()
    undisturbed = client.detect(long_clip)
    job = client.start({"id": undisturbed["video_id"]})
    with under_way(reaching, client, job, 60), redis.Redis.from_url(reaching.settings().result_store_url) as connection:
        connection.flushdb()  # the results; the broker's messages are in another database
    ended = client.wait(job)
    assert ended["state"] == "succeeded"
    assert reaching.result_bytes(ended) == reaching.result_bytes(undisturbed)


def store_of(service: Service) -> RedisResultStore:
    """The store that the service keeps running jobs in."""
    return RedisResultStore.connect(service.settings().result_store_url, 60)


def page(client: Client, job: dict[str, Any], **query: Any) -> Any:
    return client.call("GET", f"/jobs/{job['id']}/results", 200, params=query)
