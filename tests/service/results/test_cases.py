"""The files of tests/cases over HTTP: each frame once, in order, at its time; or refused with the reason."""

import re
from typing import Any

import pytest

from tests.support.deployments.service import Client, Service
from tests.support.videos.cases import FOLDER, READ, REFUSED

Started = tuple[Client, dict[str, dict[str, Any]]]


@pytest.fixture(scope="module")
def started(service: Service) -> Started:
    """A job for each file: they run while the tests wait for one after the other."""
    client = service.client()
    return client, {name: client.start(client.upload(FOLDER / name)) for name in READ}


@pytest.mark.parametrize("name", READ)
def test_each_frame_has_its_result_at_its_time(name: str, started: Started) -> None:
    client, jobs = started
    case, job = READ[name], client.wait(jobs[name])
    assert job["state"] == "succeeded", job
    media = client.call("GET", f"/videos/{job['video_id']}", 200)["media"]
    assert media["frames"] == case.frames
    assert {key: media.get(key, False) for key in case.facts} == case.facts
    frames = client.frames(job)
    assert [frame["frame"] for frame in frames] == list(range(case.frames))
    times = [frame["time_ms"] for frame in frames]
    assert times == pytest.approx(case.times_ms, abs=1)
    assert times == sorted(times)


def test_parts_of_a_recording_count_from_where_its_clock_begins(started: Started) -> None:
    client, jobs = started
    job = jobs["clocks/starts_at_7_hours.ts"]
    part = client.wait(client.start({"id": job["video_id"]}, options={"start_ms": 0, "end_ms": 1000}))
    assert part["state"] == "succeeded"
    assert [frame["time_ms"] for frame in client.frames(part)] == [number * 40 for number in range(25)]


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_read_is_refused_with_the_reason(name: str, client: Client) -> None:
    path = FOLDER / name
    with path.open("rb") as content:
        detail = client.problem("POST", "/videos", 422, "video_refused", files={"video": (path.name, content)})
    assert re.search(REFUSED[name], detail), detail
