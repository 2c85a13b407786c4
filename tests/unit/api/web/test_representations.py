"""What a job says of its cost: before, while and after it runs; and a rule of why it fails."""

from typing import Any

import pytest

from api.web.representations import alert_rule_representation, job_representation, summary_representation
from contracts.database.tables import AlertRule, Job, Video, utcnow
from contracts.results.port import Cost, Progress

UNKNOWN = {"frames_inferred": None, "detector_cpu_seconds": None}
KNOWN = {"frames_inferred": 24, "detector_cpu_seconds": 2.346}


@pytest.mark.parametrize(
    ("state", "progress", "summary", "told"),
    [
        ("queued", None, None, UNKNOWN),
        ("running", Progress(48, 1.0, Cost(2.3456, 24)), None, KNOWN),
        ("succeeded", None, {"frames": 48, **KNOWN}, KNOWN),
        ("succeeded", None, {"frames": 48}, UNKNOWN),
    ],
    ids=["waits", "runs", "has ended", "ended in an earlier release"],
)
def test_a_job_says_what_it_has_cost(
    state: str, progress: Progress | None, summary: dict[str, Any] | None, told: dict[str, Any]
) -> None:
    job = Job(id="j", video_id="v", state=state, summary=summary, frames_done=0, created_at=utcnow())
    shown = job_representation(job, progress, utcnow(), Video(id="v"), has_poster=False)
    assert {name: shown[name] for name in UNKNOWN} == told


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        ({"state": "queued"}, ("queued", None, None, None, 3)),
        (
            {"state": "ready", "tracker": "t 1", "tracks": 0, "parameters": {"min_frames": 9}},
            ("ready", "t 1", 0, None, 9),
        ),
        (
            {"state": "failed", "tracks": 4, "tracker": "t 1", "error": {"code": "c", "detail": "d"}},
            ("failed", "t 1", 4, {"code": "c", "detail": "d"}, 3),
        ),
    ],
)
def test_a_job_says_how_far_its_tracks_are(stored: dict[str, Any], told: tuple[Any, ...]) -> None:
    job = Job(id="j", video_id="v", state="succeeded", frames_done=0, created_at=utcnow(), tracks=stored)
    shown = job_representation(job, None, utcnow(), Video(id="v"), has_poster=False)["tracks"]
    names = ("state", "tracker", "tracks", "error")
    assert (*(shown[name] for name in names), shown["parameters"]["min_frames"]) == told


def test_a_job_for_which_nobody_asked_for_tracks_says_so() -> None:
    job = Job(id="j", video_id="v", state="succeeded", frames_done=0, created_at=utcnow())
    assert job_representation(job, None, utcnow(), Video(id="v"), has_poster=False)["tracks"] is None


def test_a_summary_of_an_earlier_release_does_not_know_its_cost() -> None:
    assert summary_representation({"frames": 48}) == {"frames": 48, **UNKNOWN}
    assert summary_representation({"frames": 48, **KNOWN}) == {"frames": 48, **KNOWN}


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        ("schedule", "its time zone Europe/Berlin: choose another one"),
        ("unknown", "save it again without that"),
        ("too_many_events", "divide the zones and lines"),
        ("error", "ask your operator"),
        ("of_a_later_release", "ask your operator"),
    ],
)
def test_a_rule_that_fails_says_why_and_what_to_do(failure: str, words: str) -> None:
    rule = AlertRule(id="r", search={}, schedule={"timezone": "Europe/Berlin"}, failure=failure, failed_at=utcnow())
    error = alert_rule_representation(rule)["error"]
    assert error["code"] == failure
    assert words in error["detail"]
