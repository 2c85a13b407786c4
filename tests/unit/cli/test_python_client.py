"""The Python client without a service: answers of a busy one, and of another release."""

import json
from typing import Any

import httpx2
import pytest
from msgspec.structs import replace

from web_detector import AlertSchedule, AlertSearch, Client, Line, ServiceError, Zone, http_client, pace

FRAME = {
    "frame": 3,
    "time_ms": 120.0,
    "detections": [{"label": "cat", "class_id": 15, "score": 0.5, "box": [1, 2, 3, 4]}],
}


def answering(monkeypatch: pytest.MonkeyPatch, *answers: httpx2.Response) -> Client:
    left = list(answers)
    made = http_client.Client("http://service.test", httpx2.MockTransport(lambda _: left.pop(0)))
    monkeypatch.setattr(http_client, "Client", lambda _url: made)
    monkeypatch.setattr(pace, "LEAST_SECONDS", 0)
    return Client("http://service.test", token="a token")


def test_a_page_is_asked_for_again_while_the_service_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    page = {"frames": [FRAME], "next_cursor": None, "complete": True, "new": "of a later release"}
    busy = httpx2.Response(503, json={"title": "Unavailable", "code": "unavailable"})
    client = answering(monkeypatch, busy, httpx2.Response(429, json={}), httpx2.Response(200, json=page))
    assert [frame.frame for frame in client.frames("the-job")] == [3]


class Clock:
    """In place of the module: sleeping takes no time."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(pace, "time", made)
    return made


def test_a_job_that_takes_long_is_asked_for_every_two_seconds(clock: Clock) -> None:
    running = httpx2.Response(200, json={"id": "j", "state": "running"})
    client = http_client.Client("http://service.test", httpx2.MockTransport(lambda _: running))
    began = clock.now
    for _ in client.follow("j"):
        if clock.now > began + 600:
            break
    assert clock.pauses[0] == pace.LEAST_SECONDS, "one that is done at once is seen at once"
    assert set(clock.pauses[-250:]) == {2.0}
    assert len(clock.pauses) < 350


def test_who_is_told_when_to_ask_again_asks_then(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    many = httpx2.Response(429, json={}, headers={"Retry-After": "7"})
    dated = httpx2.Response(503, json={}, headers={"Retry-After": "Mon, 30 Nov 2026 12:00:00 GMT"})
    page = httpx2.Response(200, json={"frames": [FRAME], "next_cursor": None, "complete": True})
    client = answering(monkeypatch, many, dated, page)
    assert [frame.frame for frame in client.frames("the-job")] == [3]
    assert clock.pauses == pytest.approx([7, 0.7]), "the second one is as long as usual by then"


def test_an_answer_of_another_release_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    client = answering(monkeypatch, httpx2.Response(200, json={"frames": [{"frame": "3"}], "next_cursor": None}))
    with pytest.raises(ServiceError, match="not that of a service of this release"):
        list(client.frames("the-job"))


def echoing(monkeypatch: pytest.MonkeyPatch, seen: list[tuple[str, str, Any]], **added: Any) -> Client:
    """A client whose service answers each body with what it was sent, and these fields."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        body = json.loads(request.content) if request.content else None
        seen.append((request.method, request.url.path.removeprefix("/api/v1"), body))
        return httpx2.Response(204) if body is None else httpx2.Response(200, json=body | added)

    made = http_client.Client("http://service.test", httpx2.MockTransport(answer))
    monkeypatch.setattr(http_client, "Client", lambda _url: made)
    return Client("http://service.test", token="a token")


def test_scenes_are_typed_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, str, Any]] = []
    client = echoing(monkeypatch, seen, id="s", revision=1)
    door = Zone(name="Door", polygon=((0, 0), (0.5, 0), (0.5, 1)))
    scene = client.add_scene("Yard", zones=[door], lines=(Line(name="Sill", points=((0, 0.5), (1, 0.5))),))
    assert scene.zones == (door,)
    assert scene.lines[0].points == ((0, 0.5), (1, 0.5))
    client.delete_scene(scene)
    assert [call[:2] for call in seen] == [("POST", "/scenes"), ("DELETE", "/scenes/s")]


def test_alert_rules_are_typed_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, str, Any]] = []
    added: dict[str, Any] = {"enabled": True, "at_most_one_in_s": 60, "webhook_id": None, "links": {}}
    failed: dict[str, Any] = {"failed_at": "2026-01-31T12:00:00Z", "error": {"code": "error", "detail": "Save it."}}
    client = echoing(monkeypatch, seen, id="r", limited_at=None, created_at="2026-01-31T12:00:00Z", **added, **failed)
    night = AlertSchedule(begin="22:00", end="06:00", timezone="Europe/Berlin")
    rule = client.add_alert_rule("back door", AlertSearch(label=("person",), min_score=0.5), night)
    assert (rule.search.label, rule.schedule) == (("person",), night)
    assert rule.error
    assert rule.error.detail == "Save it."
    schedule = {"days": [0, 1, 2, 3, 4, 5, 6], "from": "22:00", "to": "06:00", "timezone": "Europe/Berlin"}
    search = {"label": ["person"], "min_score": 0.5}
    assert seen[0] == ("POST", "/alert-rules", {"name": "back door", "search": search, "schedule": schedule})
    client.replace_alert_rule(replace(rule, enabled=False, schedule=None))
    body = {"name": "back door", "enabled": False, "search": search, "schedule": None} | added
    assert seen[1] == (
        "PUT",
        "/alert-rules/r",
        {key: value for key, value in body.items() if key != "links"} | {"enabled": False},
    )
    client.delete_alert_rule(rule)
    assert seen[2] == ("DELETE", "/alert-rules/r", None)


def test_alerts_are_listed_and_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    alert = {
        "id": "a", "rule_id": "r", "rule_name": "back door", "at_ms": 1769897645000, "dated": True, "label": "person",
        "score": 0.9, "event": "enters", "zone": "Door", "line": None, "direction": None, "video_id": None,
        "job_id": None, "stream_id": "c", "track": 7, "start_ms": 4200, "seen": False,
        "created_at": "2026-01-31T22:14:05Z",
    }  # fmt: skip
    client = answering(
        monkeypatch,
        httpx2.Response(200, json={"alerts": [alert], "next_cursor": None}),
        httpx2.Response(200, json=alert | {"seen": True}),
    )
    (found,) = client.alerts(seen=False)
    assert (found.label, found.zone, found.seen) == ("person", "Door", False)
    assert client.mark_alert(found).seen
