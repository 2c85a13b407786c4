"""A job as a whole, as a step."""

from datetime import UTC, datetime, timedelta

import pytest

from contracts.database.tables import Job
from contracts.runtime import tracing
from contracts.runtime.steps import Kind
from contracts.wire.job_states import JobState
from processor.jobs.job_step import job_step
from tests.support.traces.recorded_steps import CLIENT, HEADER

MADE = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)


def job(traceparent: str | None = HEADER) -> Job:
    return Job(
        id="j",
        video_id="v",
        model="m",
        frames_done=0,
        chunks_total=3,
        created_at=MADE,
        started_at=MADE + timedelta(seconds=2),
        traceparent=traceparent,
    )


def test_a_job_lasts_from_its_making_to_its_end() -> None:
    found = job_step(job(), JobState.SUCCEEDED, {"frames_done": 60, "error": None}, MADE + timedelta(seconds=7))
    assert found is not None
    assert (found.span, found.parent) == (tracing.of_job(HEADER, "j"), CLIENT)
    assert (found.began, found.ended - found.began) == (1_767_323_045_678_901_000, 7_000_000_000)
    assert (found.step.name, found.step.kind, found.step.error) == ("job", Kind.INTERNAL, "")
    assert found.step.facts == {
        "web_detector.job": "j",
        "web_detector.video": "v",
        "web_detector.model": "m",
        "web_detector.state": "succeeded",
        "web_detector.frames": 60,
        "web_detector.chunks": 3,
        "web_detector.queued_s": 2.0,
    }


@pytest.mark.parametrize("seconds", [7, -7])
def test_a_job_that_failed_says_why_and_never_ends_before_it_began(seconds: int) -> None:
    values = {"error": {"code": "video_refused", "detail": "x"}}
    found = job_step(job(), JobState.FAILED, values, MADE + timedelta(seconds=seconds))
    assert found is not None
    assert found.step.error == "video_refused"
    assert found.ended - found.began == max(0, seconds) * 1_000_000_000


def test_a_job_without_a_trace_is_no_step() -> None:
    assert job_step(job(None), JobState.SUCCEEDED, {}, MADE) is None
