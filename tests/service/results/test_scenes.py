"""Scenes over HTTP, and the events of a job at them, which ran before they were drawn."""

import uuid
from pathlib import Path
from typing import Any

import pytest

from api.tables.scenes import SCENES_PER_USER
from contracts.database.engine import Database, open_database
from contracts.database.tables import Job, Scene, User, new_id
from contracts.storage.open import open_storage
from contracts.storage.port import result_key, tracks_key
from tests.support.deployments.service import Client, Service
from tests.unit.analytics.scenes.filed import Found, file_bytes, walk

ROOM = {"name": "room", "polygon": [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]}
GATE = {"name": "gate", "points": [[0.5, 1], [0.5, 0]]}
SCENE = {"name": "door", "zones": [ROOM], "lines": [GATE]}
OPTIONS = {"every_n": 24}


def across(start: int, stop: int) -> list[tuple[int, int]]:
    return [(start + (stop - start) * i // 39, 3000) for i in range(40)]


@pytest.fixture(scope="module")
def counted(service: Service, sample: Path) -> tuple[Client, dict[str, Any]]:
    """A job whose results were replaced by those of a cat that goes through the gate, a dog that comes back, and
    objects without a track."""
    client = service.client()
    job = client.detect(sample, options=OPTIONS)
    cat, dog = walk(1, 10, across(400, 6000)), walk(2, 100, across(6000, 400), class_id=1)
    noise = [Found(frame, (3000 + frame, 2000, 3200 + frame, 3000), 0) for frame in range(200)]
    storage = open_storage(service.settings())
    files = file_bytes([*cat, *dog, *noise], 200)
    for key, content in zip((result_key, tracks_key), files, strict=True):
        with storage.create(key(job["video_id"], job["id"])) as sink:
            sink.write(content)
    set_tracks(service, job, {"state": "ready", "tracker": "test 1", "tracks": 2})
    return client, job


def set_tracks(service: Service, job: dict[str, Any], state: dict[str, Any] | None) -> None:
    engine = open_database(service.settings().database_url)
    with Database(engine).write() as session:
        session.get_one(Job, job["id"]).tracks = state
    engine.dispose()


def events_path(job: dict[str, Any], scene: dict[str, Any], what: str = "events") -> str:
    return f"/jobs/{job['id']}/scenes/{scene['id']}/{what}"


@pytest.mark.every_mode
def test_a_scene_is_made_listed_replaced_and_deleted(client: Client) -> None:
    made = client.call("POST", "/scenes", 201, json=SCENE)
    assert {name: made[name] for name in SCENE} == SCENE
    assert made["revision"] == 1
    path = f"/scenes/{made['id']}"
    assert made["links"]["self"].endswith(path)
    assert client.call("GET", path, 200) == made
    other = client.call("POST", "/scenes", 201, json={"name": "yard", "lines": [GATE]})
    first = client.call("GET", "/scenes", 200, params={"limit": 1})
    rest = client.call("GET", "/scenes", 200, params={"limit": 1, "cursor": first["next_cursor"]})
    assert [first["items"], rest["items"], rest["next_cursor"]] == [[other], [made], None]
    changed = client.call("PUT", path, 200, json={"name": "new", "zones": [ROOM]})
    assert changed == {**made, "name": "new", "lines": [], "revision": 2}
    client.call("DELETE", path, 204)
    for method, options in (("GET", {}), ("DELETE", {}), ("PUT", {"json": SCENE})):
        client.problem(method, path, 404, "not_found", **options)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": " ", "zones": [ROOM]},
        {"name": "x", "zones": [ROOM] * 21},
        {"name": "x", "zones": [{**ROOM, "name": "x" * 65}]},
        {"name": "x", "zones": [{**ROOM, "polygon": [[0, 0], [1, 1]]}]},
        {"name": "x", "zones": [{**ROOM, "polygon": [[0, 0], [1, 0], [1, 1.01]]}]},
        {"name": "x", "zones": [{**ROOM, "polygon": [[0, 0], [1, 0], [1, "1"]]}]},
        {"name": "x", "zones": [{**ROOM, "polygon": [[0, 0], [1, 0], [1, 1, 1]]}]},
        {"name": "x", "lines": [{**GATE, "points": [[0, 0]]}]},
        {"name": "x", "lines": [{**GATE, "points": [[i / 10_000, i % 2] for i in range(10_000)]}]},
        {"name": "x", "lines": [GATE], "colour": "red"},
        {"name": "x", "zones": [{**ROOM, "colour": "red"}]},
    ],
)
def test_what_is_no_scene_is_refused(client: Client, body: Any) -> None:
    assert client.request("POST", "/scenes", json=body).status_code in (400, 422)
    assert client.call("GET", "/scenes", 200)["items"] == []


def test_a_zone_without_meaning_is_named(client: Client) -> None:
    bow = {"name": "bow", "polygon": [[0, 0], [1, 1], [1, 0], [0, 1]]}
    made = client.call("POST", "/scenes", 201, json=SCENE)
    for method, path in (("POST", "/scenes"), ("PUT", f"/scenes/{made['id']}")):
        said = client.problem(method, path, 422, "scene_refused", json={"name": "x", "zones": [ROOM, bow]})
        assert "'bow' crosses itself" in said
    assert client.call("GET", "/scenes", 200)["items"] == [made]


def test_scenes_are_limited(client: Client, service: Service) -> None:
    engine = open_database(service.settings().database_url)
    with Database(engine).write() as session:
        (user,) = session.query(User).filter_by(username=client.username)
        rows = [
            Scene(id=new_id(), user_id=user.id, name="x", zones=[], lines=[], revision=1)
            for _ in range(SCENES_PER_USER)
        ]
        session.add_all(rows)
    engine.dispose()
    assert "delete one" in client.problem("POST", "/scenes", 409, "too_many_scenes", json=SCENE)
    client.call("DELETE", f"/scenes/{rows[0].id}", 204)
    client.call("POST", "/scenes", 201, json=SCENE)


@pytest.mark.every_mode
def test_a_job_that_ran_before_the_scene_was_drawn_has_its_events(counted: tuple[Client, dict[str, Any]]) -> None:
    client, job = counted
    scene = client.call("POST", "/scenes", 201, json=SCENE)
    path = events_path(job, scene)
    found = client.call("GET", path, 200, params={"dwell": 0.4})
    cat, dog = {"track": 1, "label": "cat"}, {"track": 2, "label": "dog"}
    assert found == {
        "events": [
            {"type": "enters", **cat, "frame": 30, "time_ms": 1200.0, "zone": "room"},
            {"type": "crosses", **cat, "frame": 30, "time_ms": 1200.0, "line": "gate", "direction": "forward"},
            {"type": "dwells", **cat, "frame": 40, "time_ms": 1600.0, "zone": "room", "seconds": 0.4},
            {"type": "disappears", **cat, "frame": 49, "time_ms": 1960.0, "zone": "room", "seconds": 0.76},
            {"type": "appears", **dog, "frame": 100, "time_ms": 4000.0, "zone": "room"},
            {"type": "dwells", **dog, "frame": 110, "time_ms": 4400.0, "zone": "room", "seconds": 0.4},
            {"type": "leaves", **dog, "frame": 120, "time_ms": 4800.0, "zone": "room", "seconds": 0.8},
            {"type": "crosses", **dog, "frame": 120, "time_ms": 4800.0, "line": "gate", "direction": "backward"},
        ],
        "next_cursor": None,
    }
    pages: list[list[dict[str, Any]]] = []
    cursor = None
    while cursor is not None or not pages:
        query = {"limit": 3, "dwell": 0.4, **({"cursor": cursor} if cursor else {})}
        page = client.call("GET", path, 200, params=query)
        pages.append(page["events"])
        cursor = page["next_cursor"]
    assert [len(page) for page in pages] == [3, 3, 2]
    assert [event for page in pages for event in page] == found["events"]
    some = client.call("GET", path, 200, params={"type": "crosses", "label": "dog", "from_ms": 2000})["events"]
    assert some == found["events"][-1:]
    counts = client.call("GET", events_path(job, scene, "counts"), 200, params={"interval": 4, "line": "gate"})
    shown = [(one["label"], one["direction"], one["total"], one["counts"]) for one in counts["series"]]
    assert (counts["from_ms"], counts["to_ms"]) == (0, 8000)
    assert shown == [("cat", "forward", 1, [1, 0]), ("dog", "backward", 1, [0, 1])]


def test_each_track_of_a_job_comes_and_goes_in_the_whole_picture(client: Client, sample: Path) -> None:
    job = client.detect(sample)
    client.call("POST", f"/jobs/{job['id']}/tracks", 202, json={})
    client.wait(job, lambda now: (now["tracks"] or {}).get("state") == "ready")
    tracks = client.call("GET", f"/jobs/{job['id']}/tracks", 200, params={"limit": 1000})["tracks"]
    picture = {"name": "picture", "polygon": [[0, 0], [1, 0], [1, 1], [0, 1]]}
    scene = client.call("POST", "/scenes", 201, json={"name": "all", "zones": [picture]})
    found = client.call("GET", events_path(job, scene), 200, params={"linger": 1, "limit": 1000})["events"]
    ends = {"appears": "first_frame", "disappears": "last_frame"}
    shown = {
        kind: [(one["track"], one["frame"], one["label"]) for one in found if one["type"] == kind] for kind in ends
    }
    assert {one["type"] for one in found} == set(ends)
    assert len(shown["appears"]) == len(shown["disappears"]) > 0
    for kind, edge in ends.items():
        assert set(shown[kind]) <= {(track["id"], track[edge], track["label"]) for track in tracks}
        # Tracks that go on in another one are one object.
        assert len(shown[kind]) >= len(tracks) / 2


def test_events_and_counts_come_as_tables(counted: tuple[Client, dict[str, Any]]) -> None:
    client, job = counted
    scene = client.call("POST", "/scenes", 201, json=SCENE)
    table = client.request("GET", events_path(job, scene), params={"format": "csv", "zone": "room"})
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert "-events.csv" in table.headers["content-disposition"]
    assert [row.split(",")[2] for row in table.text.splitlines()] == [
        *("type", "enters", "disappears", "appears", "leaves")
    ]
    table = client.request("GET", events_path(job, scene, "counts"), params={"format": "csv", "type": "crosses"})
    assert table.text.splitlines()[1:] == ["0.0,,gate,cat,crosses,forward,1", "0.0,,gate,dog,crosses,backward,1"]


def test_a_changed_scene_has_other_events_and_an_old_cursor_is_refused(counted: tuple[Client, dict[str, Any]]) -> None:
    client, job = counted
    scene = client.call("POST", "/scenes", 201, json=SCENE)
    path = events_path(job, scene)
    first = client.call("GET", path, 200, params={"limit": 1})
    back = {"name": "gate", "points": GATE["points"][::-1]}
    client.call("PUT", f"/scenes/{scene['id']}", 200, json={"name": "x", "lines": [back]})
    assert [event["direction"] for event in client.call("GET", path, 200)["events"]] == ["backward", "forward"]
    client.problem("GET", path, 422, "invalid_cursor", params={"limit": 1, "cursor": first["next_cursor"]})


def test_invalid_questions_are_refused(counted: tuple[Client, dict[str, Any]], service: Service) -> None:
    client, job = counted
    scene = client.call("POST", "/scenes", 201, json=SCENE)
    path = events_path(job, scene)
    for query, said in (
        ({"zone": "gate"}, "it has: room"),
        ({"line": "x"}, "it has: gate"),
        ({"label": "unicorn"}, "unicorn"),
        ({"from_ms": 3, "to_ms": 3}, "before"),
    ):
        assert said in client.problem("GET", path, 422, "invalid_input", params=query)
    many = {"interval": 0.1, "to_ms": 5_000_000}
    assert "longer" in client.problem("GET", events_path(job, scene, "counts"), 422, "invalid_input", params=many)
    for wrong in ({"from_ms": "nan"}, {"linger": 0}, {"dwell": -1}, {"point": "head"}, {"type": "flies"}, {"limit": 0}):
        assert client.request("GET", path, params=wrong).status_code in (400, 422)
    other = service.client()
    for mine, foreign in ((job, {"id": str(uuid.uuid4())}), ({"id": str(uuid.uuid4())}, scene)):
        client.problem("GET", events_path(mine, foreign), 404, "not_found")
    own = other.call("POST", "/scenes", 201, json=SCENE)
    other.problem("GET", events_path(job, own), 404, "not_found")
    client.problem("GET", events_path(job, own), 404, "not_found")


def test_a_job_without_tracks_says_what_to_do(client: Client, service: Service, sample: Path) -> None:
    job = client.detect(sample, options=OPTIONS)
    scene = client.call("POST", "/scenes", 201, json=SCENE)
    open_storage(service.settings()).delete(tracks_key(job["video_id"], job["id"]))
    states: tuple[dict[str, Any] | None, ...] = (
        None,
        {"state": "failed", "error": {"code": "corrupt_data", "detail": "torn"}},
        {"state": "ready", "tracker": "test 1", "tracks": 2},
    )
    for state, said in zip(states, ("no tracks", "torn", "not stored any more"), strict=True):
        set_tracks(service, job, state)
        assert said in client.problem("GET", events_path(job, scene), 409, "tracks_missing")
