"""Events of a live stream at a scene: pages, and a viewer's messages. A real api process and a real Valkey."""

from typing import Any

import numpy as np
import pytest

from contracts.results.codec import Detections
from tests.support.live.live_api import Watcher
from tests.support.live.live_stream import FPS, LiveStream, time_ms
from tests.support.live.websocket import Closed
from tests.support.watching import START, of_type

SCENE = {
    "name": "yard",
    "zones": [{"name": "half", "polygon": [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]}],
    "lines": [{"name": "gate", "points": [[0.5, 1], [0.5, 0]]}],
}
LEFT, RIGHT = 100, 500


def walk(stream: LiveStream, first: int, *places: int, track: int = 7, plan: int = 1) -> None:
    """One object, from a frame on, so many pixels from the left."""
    for number, x in enumerate(places, start=first):
        found = Detections(np.array([0]), np.array([0.5]), np.array([[x - 10.0, 100.0, x + 10.0, 200.0]]))
        stream.result(number, found=found, track=track.to_bytes(4, "little"), plan=plan)


def nothing(stream: LiveStream, number: int) -> None:
    stream.result(number, found=Detections(np.zeros(0, int), np.zeros(0), np.zeros((0, 4))))


@pytest.fixture
def stream(watcher: Watcher) -> LiveStream:
    made = watcher.stream()
    nothing(made, 1)
    return made


@pytest.fixture
def scene(watcher: Watcher) -> str:
    answer = watcher.call("POST", "/scenes", json=SCENE)
    scene_id: str = answer.raise_for_status().json()["id"]
    return scene_id


def page(watcher: Watcher, stream: LiveStream, scene: str, **query: Any) -> dict[str, Any]:
    answer = watcher.call("GET", f"/streams/{stream.id}/scenes/{scene}/events", params=query)
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


def told(found: dict[str, Any]) -> list[tuple[str, int]]:
    return [(event["type"], event["frame"]) for event in found["events"]]


def test_pages_follow_one_another_and_hold_what_is_certain(watcher: Watcher, stream: LiveStream, scene: str) -> None:
    walk(stream, 2, *[LEFT] * 10, *[RIGHT] * 10)
    first = page(watcher, stream, scene, limit=1)
    assert first["events"] == [
        {"type": "enters", "track": 7, "label": "person", "frame": 12, "time_ms": time_ms(12), "zone": "half"}
    ]
    second = page(watcher, stream, scene, cursor=first["next_cursor"])
    assert told(second) == [("crosses", 12)]
    assert (second["events"][0]["line"], second["events"][0]["direction"]) == ("gate", "forward")
    third = page(watcher, stream, scene, cursor=second["next_cursor"])
    assert told(third) == []
    nothing(stream, 22 + FPS)  # it may come back
    walk(stream, 23 + FPS, *[RIGHT] * 3, track=8)
    fourth = page(watcher, stream, scene, cursor=third["next_cursor"])
    assert told(fourth) == []
    nothing(stream, 30 + 4 * FPS)
    fifth = page(watcher, stream, scene, cursor=fourth["next_cursor"])
    assert told(fifth) == [("disappears", 21), ("appears", 23 + FPS), ("disappears", 25 + FPS)]
    assert [event["track"] for event in fifth["events"]] == [7, 8, 8]


def test_a_change_of_the_model_renames_no_event(watcher: Watcher, stream: LiveStream, scene: str) -> None:
    walk(stream, 2, *[LEFT] * 5, *[RIGHT] * 5)
    with watcher.watch(stream) as socket:
        socket.send(START | {"scenes": [scene]})
        of_type(socket, "result", lambda said: said["frame"] == 11)
        walk(stream, 20 + 4 * FPS, *[RIGHT] * 8, track=8, plan=2)  # of a model that nobody knows
        told_live = [of_type(socket, "event") for _ in range(2)]
    assert [(said["event"], said["label"]) for said in told_live] == [("disappears", "person"), ("appears", "class 0")]
    nothing(stream, 40 + 8 * FPS)
    listed = page(watcher, stream, scene, zone="half")["events"]
    assert [event["label"] for event in listed] == ["person", "person", "class 0", "class 0"]
    assert page(watcher, stream, scene, zone="half", label="person")["events"] == listed[:2]


def test_filters_and_what_is_refused(watcher: Watcher, stream: LiveStream, scene: str) -> None:
    walk(stream, 2, *[LEFT] * 10, *[RIGHT] * 2 * FPS)
    assert told(page(watcher, stream, scene, type="crosses")) == [("crosses", 12)]
    assert told(page(watcher, stream, scene, zone="half", dwell=1)) == [("enters", 12), ("dwells", 12 + FPS)]
    assert told(page(watcher, stream, scene, label="cup")) == []
    ended = page(watcher, stream, scene, from_ms=time_ms(13), to_ms=time_ms(40))
    assert (ended["events"], ended["next_cursor"]) == ([], None)
    path = f"/streams/{stream.id}/scenes"
    unknown = watcher.call("GET", f"{path}/{scene}/events", params={"zone": "attic"})
    assert (unknown.status_code, unknown.json()["code"]) == (422, "invalid_input")
    other = page(watcher, stream, scene)["next_cursor"]
    refused = watcher.call("GET", f"{path}/{scene}/events", params={"cursor": other, "type": "enters"})
    assert refused.json()["code"] == "invalid_cursor"
    assert watcher.call("GET", f"{path}/{stream.id}/events").status_code == 404
    stranger = watcher.api.user()
    assert stranger.call("GET", f"{path}/{scene}/events").status_code == 404


def test_a_viewer_is_told_what_happens_from_now_on(watcher: Watcher, stream: LiveStream, scene: str) -> None:
    walk(stream, 2, *[LEFT] * 10, *[RIGHT] * 10)
    with watcher.watch(stream) as socket:
        socket.send(START | {"scenes": [scene], "dwell": 1})
        of_type(socket, "result", lambda said: said["frame"] == 21)
        walk(stream, 22, *[RIGHT] * 25, *[LEFT] * 3)
        events = [of_type(socket, "event") for _ in range(3)]
        assert [(said["event"], said["frame"]) for said in events] == [("dwells", 42), ("leaves", 47), ("crosses", 47)]
        assert events[1] == {
            "type": "event",
            "scene": scene,
            "event": "leaves",
            "track": 7,
            "label": "person",
            "frame": 47,
            "time_ms": time_ms(47),
            "zone": "half",
            "seconds": pytest.approx(35 / FPS),
        }
        socket.send(START | {"scenes": [stream.id]})
        assert of_type(socket, "error")["code"] == "not_found"
        with pytest.raises(Closed):
            of_type(socket, "event")
