"""Searching over HTTP and from the shell."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from cli.client.search_command import search
from contracts.database.engine import open_database
from tests.support.deployments.service import Client, Service
from tests.support.searching import SearchDesk, track

PASSWORD = "correct-horse-battery"  # of every client
DAY = datetime(2026, 3, 2, 22, 30, tzinfo=UTC)


@pytest.fixture
def desk(service: Service, client: Client) -> Iterator[SearchDesk]:
    """What the client has, in the tables of the service."""
    engine = open_database(service.settings().database_url)
    yield SearchDesk(engine, client.call("GET", "/auth/me", 200)["id"])
    engine.dispose()


def test_hits_and_their_pages(client: Client, desk: SearchDesk) -> None:
    video = desk.add_video(DAY, name="door.mp4", source="door")
    job = desk.add_job(video, track(1, "dog"), *(track(n, start=n * 500, length=250) for n in (2, 3)))
    later = desk.add_job(desk.add_video(), track(1))
    asked = {"label": ["person", "car"], "limit": 2}
    page = client.call("GET", "/search", 200, params=asked)
    assert [(hit["job_id"], hit["track"]) for hit in page["hits"]] == [(job.id, 3), (job.id, 2)]
    assert page["hits"][0] == {
        "job_id": job.id,
        "video_id": video.id,
        "track": 3,
        "label": "person",
        "score": 0.9,
        "at": "2026-03-02T22:30:01.500000Z",
        "from_ms": 1500,
        "to_ms": 1750,
        "best_frame": 1501,
        "best_ms": 1501,
        "best_box": [95.0, 40.0, 105.0, 50.0],
        "video_name": "door.mp4",
        "source": "door",
    }
    rest = client.call("GET", "/search", 200, params=asked | {"cursor": page["next_cursor"]})
    assert [(hit["job_id"], hit["at"]) for hit in rest["hits"]] == [(later.id, None)]
    assert rest["next_cursor"] is None
    told = client.problem("GET", "/search", 422, "invalid_cursor", params={"cursor": page["next_cursor"]})
    assert "another search" in told


def test_through_the_zones_of_a_scene(client: Client, service: Service, desk: SearchDesk) -> None:
    desk.add_job(desk.add_video(DAY), track(1, path=[(20, 50)]), track(2, path=[(180, 50)]), track(3, path=[(100, 50)]))
    zones = [
        {"name": name, "polygon": [[left, 0], [left + 0.2, 0], [left + 0.2, 1], [left, 1]]}
        for name, left in (("left", 0), ("right", 0.8))
    ]
    scene = client.call("POST", "/scenes", 201, json={"name": "door", "zones": zones})["id"]

    def found(**asked: object) -> list[int]:
        page = client.call("GET", "/search", 200, params={"scene": scene, **asked})
        return sorted(hit["track"] for hit in page["hits"])

    assert found() == found(zone=["left", "right"]) == [1, 2]
    assert found(zone="left") == [1]
    assert "it has left, right" in client.problem(
        "GET", "/search", 422, "invalid_input", params={"scene": scene, "zone": "middle"}
    )
    service.client().problem("GET", "/search", 404, "not_found", params={"scene": scene})


def test_what_is_not_there_or_not_ones_own(client: Client, service: Service, desk: SearchDesk) -> None:
    video = desk.add_video(DAY)
    job = desk.add_job(video, track(1))
    assert client.call("GET", "/search", 200, params={"label": "unicorn"}) == {"hits": [], "next_cursor": None}
    other = service.client()
    assert other.call("GET", "/search", 200) == {"hits": [], "next_cursor": None}
    for name, row_id in (("video", video.id), ("job", job.id)):
        assert len(client.call("GET", "/search", 200, params={name: row_id})["hits"]) == 1
        other.problem("GET", "/search", 404, "not_found", params={name: row_id})


@pytest.mark.parametrize(
    "asked",
    [
        {"polygon": "0,0,1,1,1,0,0,1"},
        {"polygon": "0,0,1,1"},
        {"from": "2026-01-02T00:00Z", "to": "2026-01-01T00:00Z"},
        {"time_zone": "Nowhere/At_All"},
        {"direction": "upwards"},
    ],
    ids=str,
)
def test_what_means_nothing_is_refused(client: Client, asked: dict[str, object]) -> None:
    assert client.problem("GET", "/search", 422, "invalid_input", params=asked)


def test_the_command_prints_what_is_found(
    service: Service, client: Client, desk: SearchDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.add_job(desk.add_video(DAY, name="[door].mp4"), track(1), track(2, "dog", start=2000))
    name = client.call("GET", "/auth/me", 200)["username"]
    environ = {"WEB_DETECTOR_URL": service.url, "WEB_DETECTOR_USER": name, "WEB_DETECTOR_PASSWORD": PASSWORD}
    assert search(["person", "--hour-from", "22", "--hour-to", "23", "--json"], environ) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["video_name"] == "[door].mp4"
    assert search(["--limit", "1"], environ) == 0
    assert "dog" in capsys.readouterr().out
    assert search(["--time-zone", "Nowhere"], environ) == 1
    assert "name of a time zone" in capsys.readouterr().err
