"""A detector that is killed in the middle of a job costs time, and nothing else. With a model that costs little."""

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.deployments.embedded import Embedded
from tests.support.deployments.modes import DeploymentMode
from tests.support.deployments.service import Service
from tests.support.models import tiny_model
from tests.support.videos.clips import clip

SETTINGS = {"CHUNK_SIZE": 48, "DETECTOR_WORKERS": 1, "LEASE_SECONDS": 4, "REAPER_SECONDS": 1}
FRAMES = 960  # seconds of work


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "long.mp4"
    path.write_bytes(clip(frames=FRAMES, size=(64, 48)).content)
    return path


@pytest.fixture(scope="module")
def own(mode: DeploymentMode, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("own")
    with mode.run(folder, **SETTINGS, **tiny_model.as_default(folder)) as running:
        yield running


@pytest.fixture(scope="module")
def undisturbed(own: Service, long: Path) -> bytes:
    """The result file of a job on the long clip that nobody disturbs."""
    return own.result_bytes(own.client().detect(long))


@pytest.mark.parametrize("victim", ["the child at work", pytest.param("the whole worker", marks=pytest.mark.long)])
def test_killed_detector_does_not_change_the_result(own: Embedded, long: Path, undisturbed: bytes, victim: str) -> None:
    """Where a supervisor starts it again; tests/distributed/test_distributed.py shows that another one takes over."""
    client = own.client()
    video = client.upload(long)
    job = client.start(video)
    client.wait(job, lambda now: now["progress"]["frames_done"] > 40)
    (worker,) = [p for p in own.processes(r"detector\.worker") if p.ppid() == own.process.pid]
    children = worker.children()
    for process in children if victim == "the child at work" else [worker]:
        process.kill()
    ended = client.wait(job)
    assert not psutil.pid_exists(children[0].pid), "the kill hit nothing"
    assert ended["state"] == "succeeded", ended
    assert own.result_bytes(ended) == undisturbed


def test_restart_keeps_all_data_and_resumes_a_running_job(own: Service, long: Path, undisturbed: bytes) -> None:
    client = own.client()
    done = client.detect(long, options={"end_ms": 1000})
    own.settled_files()  # the poster comes in its own time, and the job says whether it is there
    done = client.job(done)
    lines = client.lines(done)
    running = client.start(client.upload(long))
    client.wait(running, lambda now: now["progress"]["frames_done"] > 40)
    assert own.stop() == 0
    own.start()
    tokens = client.call("POST", "/auth/login", 200, json={"username": client.username, "password": client.password})
    client.call("GET", "/auth/me", 200)  # the old token holds: the key was kept
    client.use(tokens)
    assert {item["id"] for item in client.call("GET", "/videos", 200)["items"]} == {
        done["video_id"],
        running["video_id"],
    }
    assert client.job(done) == done
    assert client.lines(done) == lines
    ended = client.wait(running)
    assert ended["state"] == "succeeded", ended
    assert own.result_bytes(ended) == undisturbed
