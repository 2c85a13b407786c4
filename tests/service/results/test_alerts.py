"""Alert rules and alerts over HTTP."""

import uuid
from typing import Any

import pytest

from api.tables.alerts import RULES_PER_USER
from contracts.database.engine import Database, open_database
from contracts.database.tables import AlertRule, User, new_id
from tests.support.alerting import add_alert, fail_rule
from tests.support.deployments.service import Client, Service

ROOM = {"name": "back door", "polygon": [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]}
GATE = {"name": "gate", "points": [[0.5, 1], [0.5, 0]]}
NIGHT = {"days": [4, 5], "from": "22:00", "to": "06:00", "timezone": "Europe/Berlin"}
PEOPLE = {"name": "people", "search": {"label": ["person"]}}


@pytest.fixture
def scene(client: Client) -> str:
    made = client.call("POST", "/scenes", 201, json={"name": "yard", "zones": [ROOM], "lines": [GATE]})
    return str(made["id"])


def test_a_rule_is_made_listed_replaced_and_deleted(client: Client, scene: str) -> None:
    search = {"label": ["person"], "min_score": 0.5, "scene_id": scene, "zone": "back door", "event": "enters"}
    body = {"name": "a person after ten", "search": search, "schedule": NIGHT, "at_most_one_in_s": 300}
    made = client.call("POST", "/alert-rules", 201, json=body)
    assert {name: made[name] for name in body} == body
    assert (made["enabled"], made["webhook_id"], made["limited_at"]) == (True, None, None)
    path = f"/alert-rules/{made['id']}"
    assert made["links"]["self"].endswith(path)
    assert client.call("GET", path, 200) == made
    other = client.call("POST", "/alert-rules", 201, json=PEOPLE)
    assert (other["schedule"], other["at_most_one_in_s"]) == (None, 60)
    first = client.call("GET", "/alert-rules", 200, params={"limit": 1})
    rest = client.call("GET", "/alert-rules", 200, params={"limit": 1, "cursor": first["next_cursor"]})
    assert [first["items"], rest["items"], rest["next_cursor"]] == [[other], [made], None]
    changed = client.call("PUT", path, 200, json={**PEOPLE, "enabled": False, "schedule": {}})
    always = {"days": [0, 1, 2, 3, 4, 5, 6], "from": "00:00", "to": "24:00", "timezone": "UTC"}
    kept = {name: made[name] for name in ("id", "created_at", "links")}
    assert changed == other | PEOPLE | kept | {"enabled": False, "schedule": always}
    client.call("DELETE", path, 204)
    for method, options in (("GET", {}), ("DELETE", {}), ("PUT", {"json": PEOPLE})):
        client.problem(method, path, 404, "not_found", **options)


@pytest.mark.parametrize(
    ("search", "words"),
    [
        ({}, "everything: name one at least of label"),
        ({"min_ms": 5000}, "everything"),
        ({"label": ["person"], "zone": "back door"}, "zone without a scene: give scene_id"),
        ({"label": ["person"], "event": "enters"}, "event without a scene"),
        ({"scene_id": "{scene}", "zone": "back door", "line": "gate"}, "make a rule of each"),
        ({"scene_id": "{scene}", "zone": "front door"}, "no zone 'front door'; it has: back door"),
        ({"scene_id": "{scene}", "line": "back door"}, "no line 'back door'; it has: gate"),
        ({"scene_id": "{scene}", "zone": "back door", "event": "crosses"}, "a zone is not crossed"),
        ({"scene_id": "{scene}", "line": "gate", "event": "enters"}, "enters is said of zones"),
        ({"scene_id": "{scene}", "event": "leaves", "direction": "forward"}, "has no direction"),
        ({"scene_id": "{scene}", "event": "dwells"}, "give min_ms"),
        ({"scene_id": "{scene}", "min_ms": 1}, "name the event dwells"),
        ({"scene_id": str(uuid.UUID(int=1))}, "you have no scene"),
        ({"stream_id": [str(uuid.UUID(int=1))]}, "you have no stream 00000000"),
    ],
)
def test_a_search_without_meaning_is_told_why(client: Client, scene: str, search: Any, words: str) -> None:
    made = client.call("POST", "/alert-rules", 201, json=PEOPLE)
    wanted = {name: value if value != "{scene}" else scene for name, value in search.items()}
    for method, path in (("POST", "/alert-rules"), ("PUT", f"/alert-rules/{made['id']}")):
        body = {"name": "x", "search": wanted}
        assert words in client.problem(method, path, 422, "alert_rule_refused", json=body)
    assert client.call("GET", "/alert-rules", 200)["items"] == [made]


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ({"days": []}, "has no days"),
        ({"from": "22"}, "write a time of the day"),
        ({"from": "08:00", "to": "08:00"}, "nothing is between them"),
        ({"timezone": "Mars/Olympus"}, "no time zone 'Mars/Olympus'"),
    ],
)
def test_a_schedule_without_meaning_is_told_why(client: Client, schedule: Any, words: str) -> None:
    said = client.problem("POST", "/alert-rules", 422, "alert_rule_refused", json={**PEOPLE, "schedule": schedule})
    assert words in said


@pytest.mark.parametrize(
    "change",
    [
        {"name": " "},
        {"search": None},
        {"search": {"label": "person"}},
        {"search": {"label": ["person"], "colour": "red"}},
        {"search": {"label": ["person"], "event": "jumps"}},
        {"schedule": {"days": [7]}},
        {"schedule": {"day": [1]}},
        {"at_most_one_in_s": 0},
        {"webhook_id": "x"},
    ],
)
def test_a_body_that_violates_the_spec_is_refused(client: Client, change: Any) -> None:
    assert client.request("POST", "/alert-rules", json=PEOPLE | change).status_code == 422
    assert client.call("GET", "/alert-rules", 200)["items"] == []


def test_what_a_rule_names_is_its_users_own(client: Client, service: Service, scene: str) -> None:
    webhook = client.call("POST", "/webhooks", 201, json={"url": "https://8.8.8.8/x", "jobs": False})
    stream = client.call("POST", "/streams", 201, json={"kind": "push"})
    search = {"scene_id": scene, "stream_id": [stream["id"]]}
    own = {"name": "x", "search": search, "webhook_id": webhook["id"]}
    client.call("POST", "/alert-rules", 201, json=own)
    for body, words in (
        ({"name": "x", "search": {"scene_id": scene}}, "no scene"),
        ({"name": "x", "search": {"stream_id": [stream["id"]]}}, "no stream"),
        ({**PEOPLE, "webhook_id": webhook["id"]}, "no webhook"),
    ):
        assert words in service.client().problem("POST", "/alert-rules", 422, "alert_rule_refused", json=body)
    client.call("DELETE", f"/webhooks/{webhook['id']}", 204)
    client.call("DELETE", f"/streams/{stream['id']}", 204)
    (rule,) = client.call("GET", "/alert-rules", 200)["items"]
    assert (rule["webhook_id"], rule["search"]) == (None, search)


def test_a_scene_stays_as_a_rule_needs_it(client: Client, scene: str) -> None:
    body = {"name": "night", "search": {"scene_id": scene, "zone": "back door"}}
    rule = client.call("POST", "/alert-rules", 201, json=body)
    path = f"/scenes/{scene}"
    assert "'night'" in client.problem("DELETE", path, 409, "scene_in_use")
    said = client.problem("PUT", path, 409, "scene_in_use", json={"name": "yard", "lines": [GATE]})
    assert "zone 'back door'" in said
    client.call("PUT", path, 200, json={"name": "other", "zones": [ROOM]})
    client.call("DELETE", f"/alert-rules/{rule['id']}", 204)
    client.call("DELETE", path, 204)


def test_rules_are_limited(client: Client, service: Service) -> None:
    engine = open_database(service.settings().database_url)
    with Database(engine).write() as session:
        (user,) = session.query(User).filter_by(username=client.username)
        shape = {"name": "x", "enabled": True, "search": PEOPLE["search"], "at_most_one_in_s": 60}
        rows = [AlertRule(id=new_id(), user_id=user.id, **shape) for _ in range(RULES_PER_USER)]
        session.add_all(rows)
    engine.dispose()
    assert "delete one" in client.problem("POST", "/alert-rules", 409, "too_many_alert_rules", json=PEOPLE)
    client.call("DELETE", f"/alert-rules/{rows[0].id}", 204)
    client.call("POST", "/alert-rules", 201, json=PEOPLE)


def test_a_rule_that_fails_says_so_until_it_is_replaced(client: Client, service: Service) -> None:
    made = client.call("POST", "/alert-rules", 201, json=PEOPLE)
    assert (made["failed_at"], made["error"]) == (None, None)
    fail_rule(service, made["id"], "error")
    (shown,) = client.call("GET", "/alert-rules", 200)["items"]
    assert shown["failed_at"]
    assert shown["error"]["code"] == "error"
    assert client.call("PUT", f"/alert-rules/{made['id']}", 200, json=PEOPLE) == made


def test_alerts_are_listed_marked_and_go_with_their_rule(client: Client, service: Service) -> None:
    night, day = (client.call("POST", "/alert-rules", 201, json={**PEOPLE, "name": name}) for name in ("night", "day"))
    ids = [add_alert(service, night["id"], at_ms) for at_ms in (1000, 2000, 3000)]
    ids.append(add_alert(service, day["id"], 1500, event="enters", zone="back door"))

    def listed(**query: Any) -> list[int]:
        return [alert["at_ms"] for alert in client.call("GET", "/alerts", 200, params=query)["alerts"]]

    assert listed() == [3000, 2000, 1500, 1000]
    assert listed(rule_id=night["id"]) == [3000, 2000, 1000]
    assert listed(from_ms=1500, to_ms=3000) == [2000, 1500]
    first = client.call("GET", "/alerts", 200, params={"limit": 3})
    rest = client.call("GET", "/alerts", 200, params={"limit": 3, "cursor": first["next_cursor"]})
    assert [len(first["alerts"]), len(rest["alerts"]), rest["next_cursor"]] == [3, 1, None]
    assert "there is no recording of it" in client.problem("GET", f"/alerts/{ids[3]}/picture", 404, "picture_missing")
    alert = client.call("GET", f"/alerts/{ids[3]}", 200)
    shown = {name: alert[name] for name in ("rule_name", "score", "event", "zone", "line", "track", "seen")}
    assert shown == {
        "rule_name": "day",
        "score": 0.9,
        "event": "enters",
        "zone": "back door",
        "line": None,
        "track": 1,
        "seen": False,
    }
    assert client.call("PATCH", f"/alerts/{ids[3]}", 200, json={"seen": True}) == {**alert, "seen": True}
    assert (listed(seen=True), listed(seen=False)) == ([1500], [3000, 2000, 1000])
    client.call("PATCH", f"/alerts/{ids[3]}", 200, json={"seen": False})
    assert listed(seen=True) == []
    client.call("DELETE", f"/alert-rules/{night['id']}", 204)
    assert listed() == [1500]
    client.problem("GET", f"/alerts/{ids[0]}", 404, "not_found")
    client.problem("GET", "/alerts", 404, "not_found", params={"rule_id": night["id"]})
    client.problem("GET", "/alerts", 422, "invalid_input", params={"from_ms": 5, "to_ms": 5})
    client.problem("GET", "/alerts", 422, "invalid_cursor", params={"cursor": "x"})
