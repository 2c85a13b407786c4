"""Planning that fails unexpectedly is tried some times, then the job says so. Outages of servers do not count."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.database.tables import Job, Video
from contracts.errors import StorageUnavailable
from contracts.wire.job_states import JobState
from processor.jobs import planning
from processor.jobs.planning import MOST_TRIES, process_video
from tests.support.processor_bench import InProcessProcessor
from tests.support.servers.valkey import Valkey


@pytest.fixture
def desk(tmp_path: Path, valkey: Valkey) -> Iterator[InProcessProcessor]:
    made = InProcessProcessor(tmp_path, valkey)
    yield made
    made.close()


@pytest.fixture
def job(desk: InProcessProcessor) -> Job:
    video = Video(user_id=desk.user, content_type="video/mp4", tags=[], size_bytes=1, sha256="0" * 64)
    desk.add(video)
    made = Job(
        user_id=desk.user, video_id=video.id, model="nanodet-g", options={}, state=JobState.QUEUED, failed_ranges=[]
    )
    desk.add(made)
    return made


def test_a_plan_that_raises_the_unexpected_fails_its_job_after_some_tries(
    desk: InProcessProcessor, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors: list[type[BaseException]] = []

    def fail(*_: object) -> None:
        raise errors[-1]("made to fail")

    monkeypatch.setattr(planning, "_make_plan", fail)

    def tried(error: type[BaseException]) -> str:
        errors.append(error)
        with pytest.raises(error):
            process_video(desk.services, job.id)
        return desk.job(job.id).state

    for _ in range(2 * MOST_TRIES):
        assert tried(StorageUnavailable) == JobState.PLANNING
        assert tried(ConnectionResetError) == JobState.PLANNING
    for _ in range(MOST_TRIES - 1):
        assert tried(OverflowError) == JobState.PLANNING
    process_video(desk.services, job.id)
    ended = desk.job(job.id)
    assert ended.state == JobState.FAILED
    assert ended.error is not None
    assert ended.error["code"] == "plan_failed"


def test_a_plan_that_kills_its_process_fails_its_job_after_some_tries(
    desk: InProcessProcessor, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise SystemExit  # what no handler sees, as a kill

    monkeypatch.setattr(planning, "_make_plan", die)
    for _ in range(MOST_TRIES):
        with pytest.raises(SystemExit):
            process_video(desk.services, job.id)
    process_video(desk.services, job.id)
    assert desk.job(job.id).state == JobState.FAILED
