"""The list of jobs, as a page shows it: what is looked for, and what stands beside each job."""

import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.deployments.service import Client, Service

pytestmark = pytest.mark.every_mode


def upload(client: Client, sample: Path, name: str) -> Any:
    with sample.open("rb") as file:
        return client.call("POST", "/videos", 201, files={"video": file}, data={"name": name})


def found(client: Client, **query: Any) -> list[str]:
    """The names of the videos of the jobs that are listed."""
    return [job["video"]["name"] for job in client.call("GET", "/jobs", 200, params=query)["items"]]


@pytest.fixture(scope="module")
def owner(service: Service, sample: Path) -> Client:
    """A user with a job on each of three videos."""
    client = service.client()
    for name in ("Ärger am Tor.mp4", "100%_sure.mp4", "gate north.mp4"):
        client.wait(client.start(upload(client, sample, name), options={"every_n": 50}))
    return client


@pytest.mark.parametrize(
    ("search", "names"),
    [
        ("GATE", ["gate north.mp4"]),
        ("ärger", ["Ärger am Tor.mp4"]),
        ("ÄRGER AM", ["Ärger am Tor.mp4"]),
        ("0%_s", ["100%_sure.mp4"]),
        ("%", ["100%_sure.mp4"]),
        ("_", ["100%_sure.mp4"]),
        ("\\", []),
        (".mp4", ["gate north.mp4", "100%_sure.mp4", "Ärger am Tor.mp4"]),
        ("", ["gate north.mp4", "100%_sure.mp4", "Ärger am Tor.mp4"]),
    ],
)
def test_list_filters_by_part_of_the_video_name(owner: Client, search: str, names: list[str]) -> None:
    assert found(owner, search=search) == names


def test_list_has_no_jobs_of_other_users(service: Service, owner: Client) -> None:
    assert found(service.client(), search="gate") == []


def test_list_filters_by_state(owner: Client) -> None:
    assert len(found(owner, state="succeeded")) == 3
    assert found(owner, state=["failed", "running"]) == []
    assert found(owner, state=["failed", "succeeded"], search="gate") == ["gate north.mp4"]
    says = owner.problem("GET", "/jobs", 400, "malformed_request", params={"state": "asleep"})
    assert says.startswith("state is not one of the allowed values: queued, planning, ")
    assert "\n" not in says


def test_list_filters_by_video(owner: Client) -> None:
    (job,) = owner.call("GET", "/jobs", 200, params={"search": "gate"})["items"]
    assert found(owner, video_id=job["video_id"]) == ["gate north.mp4"]
    assert found(owner, video_id="00000000-0000-0000-0000-000000000000") == []
    for wrong in ("", "gate", job["video_id"][1:], job["video_id"] + "\n", "-" * 36):
        says = owner.problem("GET", "/jobs", 400, "malformed_request", params={"video_id": wrong})
        assert says.startswith("video_id is not an id: omit it")


def test_cursor_continues_the_same_search(owner: Client) -> None:
    first = owner.call("GET", "/jobs", 200, params={"search": "MP4", "limit": 2})
    rest = owner.call("GET", "/jobs", 200, params={"search": "MP4", "limit": 2, "cursor": first["next_cursor"]})
    assert [job["video"]["name"] for job in rest["items"]] == ["Ärger am Tor.mp4"]
    assert rest["next_cursor"] is None


def test_job_contains_its_videos_metadata(service: Service, client: Client, sample: Path) -> None:
    video = upload(client, sample, "clip")
    job = client.wait(client.start(video, options={"every_n": 50}))
    media = video["media"]
    told = {name: media[name] for name in ("width", "height", "duration_ms")}
    assert {**job["video"], "poster": None} == {"name": "clip", **told, "poster": None}
    deadline = time.monotonic() + 60
    while (listed := client.call("GET", "/jobs", 200)["items"][0])["video"]["poster"] is None:
        assert time.monotonic() < deadline, "no poster was made"
        time.sleep(0.2)
    assert listed["video"]["poster"] == f"/api/v1/videos/{video['id']}/renditions/poster/content"
    assert client.job(job)["video"] == listed["video"]
