"""Rules are asked about live streams as things happen: on a real Valkey and SQLite."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import delete, select
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from analytics.search.hours import to_ms
from contracts.coordination import names
from contracts.database.tables import Alert, AlertRule, Scene, Stream, new_id, utcnow
from contracts.live import keys, result_reader
from contracts.live.plans import kept
from contracts.results.codec import Detections
from contracts.wire.messages import Options, Plan, encode
from processor.alerts import following
from processor.alerts.following import Follower, keep_following
from processor.alerts.rows import AlertRows
from tests.support.live.live_stream import FPS, LiveStream, time_ms
from tests.support.processor_bench import InProcessProcessor
from tests.support.servers.valkey import Valkey
from tests.support.waiting import until

LEFT, RIGHT = 100, 500
STREAM_PLAN, OTHER_MODEL = 1, 2
ZONES = [{"name": "half", "polygon": [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]}]
LINES = [{"name": "gate", "points": [[0.5, 1], [0.5, 0]]}]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, valkey: Valkey) -> Iterator[InProcessProcessor]:
    made = InProcessProcessor(tmp_path_factory.mktemp("desk"), valkey)
    yield made
    made.close()


@pytest.fixture
def stream(desk: InProcessProcessor) -> Iterator[LiveStream]:
    row = Stream(user_id=desk.user, name="Gate", kind="push", model="nanodet-g", options={}, wanted="running")
    desk.add(row)
    yield LiveStream(desk.services.live, row.id)
    with desk.engine.begin() as connection:
        for table in (AlertRule, Scene, Stream):
            connection.execute(delete(table))


def add_rule(desk: InProcessProcessor, **values: Any) -> str:
    usual: dict[str, Any] = {"name": "x", "enabled": True, "search": {"label": ["person"]}, "at_most_one_in_s": 1}
    usual["since"] = utcnow() - timedelta(minutes=1)
    made = AlertRule(id=new_id(), user_id=desk.user, **usual | values)
    desk.add(made)
    return made.id


def walk(
    stream: LiveStream,
    first: int,
    *places: int,
    track: int = 7,
    class_id: int = 0,
    plan: int = STREAM_PLAN,
    **values: Any,
) -> None:
    """One object, from a frame on, so many pixels from the left."""
    for number, x in enumerate(places, start=first):
        box = np.array([[x - 10.0, 100.0, x + 10.0, 200.0]])
        found = Detections(np.array([class_id]), np.array([0.5]), box)
        stream.result(number, found=found, track=track.to_bytes(4, "little"), plan=plan, **values)


def alerts(desk: InProcessProcessor) -> list[Alert]:
    with Session(desk.engine) as session:
        return list(session.scalars(select(Alert).order_by(Alert.track, Alert.start)))


def failures(desk: InProcessProcessor) -> dict[str, str | None]:
    """What is noted of the rules that fail, by their ids."""
    with Session(desk.engine) as session:
        return {row.id: row.failure for row in session.scalars(select(AlertRule)) if row.failed_at is not None}


def test_a_track_raises_one_alert_as_soon_as_it_lasts_long_enough(desk: InProcessProcessor, stream: LiveStream) -> None:
    rule = add_rule(desk, search={"label": ["person"], "min_ms": 1000})
    add_rule(desk, search={"label": ["cup"]})
    follower = Follower(desk.services)
    walk(stream, 1, *[LEFT] * FPS)
    assert follower.step()
    assert alerts(desk) == []
    walk(stream, 1 + FPS, *[LEFT] * 5)
    follower.step()
    (raised,) = alerts(desk)
    assert (raised.rule_id, raised.stream_id, raised.track, raised.label) == (rule, stream.id, 7, "person")
    assert (raised.start, raised.score, raised.event) == (round(time_ms(1)), 5000, None)
    assert abs(to_ms(raised.at) - to_ms(utcnow())) < 60_000, "when it came"
    walk(stream, 6 + FPS, *[LEFT] * 5)
    follower.step()
    Follower(desk.services).step()  # another process reads all again
    assert [one.id for one in alerts(desk)] == [raised.id]


def test_what_is_gone_before_it_is_looked_at_counts_and_two_frames_do_not(
    desk: InProcessProcessor, stream: LiveStream
) -> None:
    add_rule(desk)
    walk(stream, 1, *[LEFT] * 3)
    walk(stream, 5, *[RIGHT] * 2, track=8)
    walk(stream, 200, *[RIGHT] * 3, track=9)
    Follower(desk.services).step()
    assert [one.track for one in alerts(desk)] == [7, 9]


def test_events_at_a_scene_raise_alerts(desk: InProcessProcessor, stream: LiveStream) -> None:
    scene = Scene(id=new_id(), user_id=desk.user, name="yard", zones=ZONES, lines=LINES, revision=1)
    desk.add(scene)
    enters = add_rule(desk, search={"scene_id": scene.id, "zone": "half"})
    dwells = add_rule(desk, search={"scene_id": scene.id, "event": "dwells", "min_ms": 1000})
    backward = add_rule(desk, search={"scene_id": scene.id, "line": "gate", "direction": "backward"})
    follower = Follower(desk.services)
    walk(stream, 1, *[LEFT] * 5, *[RIGHT] * 3)
    follower.step()
    assert [(one.rule_id, one.event, one.zone, one.start) for one in alerts(desk)] == [
        (enters, "enters", "half", round(time_ms(6)))
    ]
    walk(stream, 9, *[RIGHT] * 40, *[LEFT] * 5)
    follower.step()
    found = {one.rule_id: (one.event, one.zone, one.line, one.direction) for one in alerts(desk)}
    assert found == {
        enters: ("enters", "half", None, None),
        dwells: ("dwells", "half", None, None),
        backward: ("crosses", None, "gate", "backward"),
    }


def test_what_is_read_together_with_results_of_another_model_has_its_own_label(
    desk: InProcessProcessor, stream: LiveStream
) -> None:
    scene = Scene(id=new_id(), user_id=desk.user, name="yard", zones=ZONES, lines=LINES, revision=1)
    desk.add(scene)
    comes = add_rule(desk)
    leaves = add_rule(desk, search={"label": ["person"], "scene_id": scene.id, "event": "disappears"})
    walk(stream, 1, *[LEFT] * 3, *[RIGHT] * 3)
    walk(stream, 200, *[RIGHT] * 3, track=8, plan=OTHER_MODEL)  # which nobody knows
    Follower(desk.services).step()
    found = [(one.rule_id, one.track, one.event, one.label) for one in alerts(desk)]
    assert found == [(comes, 7, None, "person"), (leaves, 7, "disappears", "person")]


def test_alerts_have_the_labels_that_the_model_had_when_it_made_the_results(
    desk: InProcessProcessor, stream: LiveStream
) -> None:
    add_rule(desk, search={"label": ["forklift"]})
    made_by = kept(Plan("nanodet-g", "of before", "openvino", "fp32", Options()), ("forklift",))
    desk.services.live.hset(keys.plans(stream.id), str(OTHER_MODEL), made_by)
    walk(stream, 1, *[LEFT] * 3)
    walk(stream, 200, *[LEFT] * 3, track=8, plan=OTHER_MODEL)
    Follower(desk.services).step()
    assert [(one.track, one.label) for one in alerts(desk)] == [(8, "forklift")]


def test_the_labels_of_a_model_that_is_not_known_are_read_again_after_some_time_only(
    desk: InProcessProcessor, stream: LiveStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "REFRESH_SECONDS", 3600.0)
    add_rule(desk)
    follower = Follower(desk.services)
    walk(stream, 1, *[LEFT] * 5, plan=OTHER_MODEL)
    follower.step()
    plan = encode(Plan("nanodet-g", "", "openvino", "fp32", Options()))
    desk.services.live.hset(keys.plans(stream.id), str(OTHER_MODEL), plan)
    walk(stream, 6, *[LEFT] * 5, plan=OTHER_MODEL)
    follower.step()
    assert alerts(desk) == [], "it was not read for each track and step"
    monkeypatch.setattr(following, "REFRESH_SECONDS", 0.0)
    walk(stream, 11, *[LEFT] * 5, plan=OTHER_MODEL)
    follower.step()
    assert [one.track for one in alerts(desk)] == [7]


def test_what_a_stream_showed_just_before_it_was_started_anew_or_stopped_is_told(
    desk: InProcessProcessor, stream: LiveStream
) -> None:
    scene = Scene(id=new_id(), user_id=desk.user, name="yard", zones=ZONES, lines=[], revision=1)
    desk.add(scene)
    comes = add_rule(desk, at_most_one_in_s=0)
    enters = add_rule(desk, search={"scene_id": scene.id}, at_most_one_in_s=0)
    earlier = time.time() - 30
    walk(stream, 300, *[LEFT] * 3, *[RIGHT] * 3, arrival=earlier)
    walk(stream, 1, *[LEFT] * 3, track=8)  # read together
    follower = Follower(desk.services)
    follower.step()
    found = [(one.rule_id, one.track, round(to_ms(one.at) / 1000 - earlier)) for one in alerts(desk)]
    assert sorted(found) == sorted([(comes, 7, 0), (enters, 7, 0), (comes, 8, 30)])
    desk.change(Stream, stream.id, wanted="stopped", stopped_at=utcnow())
    walk(stream, 90, *[LEFT] * 3, track=9)
    assert Follower(desk.services).step()
    assert [one.track for one in alerts(desk)] == [7, 7, 8, 9]
    desk.change(Stream, stream.id, stopped_at=utcnow() - timedelta(minutes=5))
    assert not Follower(desk.services).step()


def test_who_is_not_seen_in_the_oldest_results_that_are_kept_does_not_appear_when_it_is(
    desk: InProcessProcessor, stream: LiveStream
) -> None:
    scene = Scene(id=new_id(), user_id=desk.user, name="yard", zones=ZONES, lines=[], revision=1)
    desk.add(scene)
    add_rule(desk, search={"scene_id": scene.id, "event": "appears"}, at_most_one_in_s=0)
    walk(stream, 1, *[LEFT] * 2, track=5, numbers=7)
    walk(stream, 4, *[RIGHT] * 5, track=7, numbers=7)
    walk(stream, 9, *[RIGHT] * 5, track=8, numbers=8)
    Follower(desk.services).step()  # it begins where the results of before are gone
    assert [one.track for one in alerts(desk)] == [8]


def test_a_rule_looks_at_nothing_from_before_it_and_at_no_other_stream(
    desk: InProcessProcessor, stream: LiveStream
) -> None:
    add_rule(desk, since=utcnow() + timedelta(hours=1))
    add_rule(desk, search={"stream_id": [new_id()]})
    add_rule(desk, search={"label": ["person"], "tag": ["yard"]})
    add_rule(desk, enabled=False)
    walk(stream, 1, *[LEFT] * 5)
    assert Follower(desk.services).step()
    assert alerts(desk) == []


@pytest.mark.parametrize("later", [{"label": ["person"], "colour": "red"}, {"label": ["person"], "event": "runs"}])
def test_a_rule_of_a_later_release_is_left_to_it_and_stops_no_other(
    desk: InProcessProcessor, stream: LiveStream, later: dict[str, Any]
) -> None:
    unknown, known = add_rule(desk, search=later), add_rule(desk)
    walk(stream, 1, *[LEFT] * 5)
    Follower(desk.services).step()
    assert [one.rule_id for one in alerts(desk)] == [known]
    desk.change(AlertRule, unknown, search={"label": ["person"]})  # as a processor of that release reads it
    Follower(desk.services).step()
    assert {one.rule_id for one in alerts(desk)} == {known, unknown}


def test_one_process_follows_while_a_rule_looks_at_a_stream(
    desk: InProcessProcessor, stream: LiveStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "REFRESH_SECONDS", 0.0)
    monkeypatch.setattr(following, "PERIOD_SECONDS", 0.01)
    held = desk.services.coordination.is_held
    keep_following(desk.services)
    assert not held(names.LIVE_ALERTS), "there is no rule"
    rule = add_rule(desk)
    keep_following(desk.services)
    until(lambda: held(names.LIVE_ALERTS))
    keep_following(desk.services)
    walk(stream, 1, *[LEFT] * 3)
    until(lambda: len(alerts(desk)) == 1)
    desk.change(AlertRule, rule, enabled=False)
    until(lambda: not held(names.LIVE_ALERTS))


def test_who_stays_in_a_zone_is_told_of_once_though_the_results_of_before_are_gone(
    desk: InProcessProcessor, stream: LiveStream
) -> None:
    scene = Scene(id=new_id(), user_id=desk.user, name="yard", zones=ZONES, lines=[], revision=1)
    desk.add(scene)
    add_rule(desk, search={"scene_id": scene.id, "event": "dwells", "min_ms": 1000}, at_most_one_in_s=0)
    walk(stream, 1, *[LEFT] * 5, *[RIGHT] * 3 * FPS)
    Follower(desk.services).step()
    (told,) = alerts(desk)
    desk.services.live.xtrim(keys.results(stream.id), maxlen=2)
    walk(stream, 6 + 3 * FPS, *[RIGHT] * 3 * FPS)
    Follower(desk.services).step()  # another process knows only the end of it
    assert [one.id for one in alerts(desk)] == [told.id]


def test_a_stream_whose_results_cannot_be_used_stops_no_other(
    desk: InProcessProcessor, stream: LiveStream, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: object) -> None:
        raise ValueError

    row = Stream(user_id=desk.user, name="Yard", kind="push", model="nanodet-g", options={}, wanted="running")
    desk.add(row)
    rule = add_rule(desk)
    follower = Follower(desk.services)
    follower.step()
    for one in (stream, LiveStream(desk.services.live, row.id)):
        walk(one, 1, *[LEFT] * 3)
    with monkeypatch.context() as patched:
        patched.setattr(follower._streams[stream.id][1], "take", fail)
        assert follower.step()
        walk(stream, 90, *[LEFT] * 3)
        assert follower.step()
    assert [one.stream_id for one in alerts(desk)] == [row.id]
    assert failures(desk) == {rule: "error"}
    walk(stream, 180, LEFT)
    assert follower.step()
    assert failures(desk) == {}
    assert [one.args for one in caplog.records if one.exc_info] == [(stream.id,)], "not again with each result"


@pytest.mark.parametrize(
    ("broken", "failure"),
    [
        ({"schedule": {"timezone": "Nowhere/At_All"}}, "schedule"),  # which this machine does not know
        ({"at_most_one_in_s": 10**11}, "error"),  # before all times
    ],
)
def test_a_rule_that_cannot_be_asked_is_logged_once_and_keeps_no_other_from_being_told(
    desk: InProcessProcessor, stream: LiveStream, caplog: pytest.LogCaptureFixture, broken: dict[str, Any], failure: str
) -> None:
    first, second, third = sorted(add_rule(desk, at_most_one_in_s=0) for _ in range(3))
    desk.change(AlertRule, second, **broken)
    row = Stream(user_id=desk.user, name="Yard", kind="push", model="nanodet-g", options={}, wanted="running")
    desk.add(row)
    follower = Follower(desk.services)
    for one, track in ((stream, 7), (stream, 8), (LiveStream(desk.services.live, row.id), 9)):
        walk(one, 100 * track, *[LEFT] * 3, track=track)
        assert follower.step()
    assert sorted((one.track, one.rule_id) for one in alerts(desk)) == [
        (track, rule) for track in (7, 8, 9) for rule in (first, third)
    ]
    assert [one.getMessage() for one in caplog.records if one.exc_info] == [f"rule {second} raises no alerts"]
    assert failures(desk) == {second: failure}


@pytest.mark.parametrize("times", [2, 9])
def test_what_the_database_does_not_take_in_time_is_told_later_or_fails_in_the_end(
    desk: InProcessProcessor, stream: LiveStream, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    late = [ProgrammingError("UPDATE", {}, Exception({"C": "57014"}))] * times
    add = AlertRows.add

    def hang(*given: Any) -> list[Alert]:
        if late:
            raise late.pop()
        return add(*given)

    monkeypatch.setattr(AlertRows, "add", hang)
    monkeypatch.setattr(following, "REFRESH_SECONDS", 0)
    rule = add_rule(desk)
    follower = Follower(desk.services)
    walk(stream, 1, *[LEFT] * 3)
    for _ in range(2):
        assert follower.step()
        assert (alerts(desk), failures(desk)) == ([], {})
    for _ in range(6):
        assert follower.step()
    assert [one.rule_id for one in alerts(desk)] == ([rule] if times == 2 else [])
    assert failures(desk) == ({} if times == 2 else {rule: "error"})
    assert len(late) == max(0, times - following._MOST_TRIES)


def test_streams_take_turns_and_the_lease_is_renewed_after_each_batch(
    desk: InProcessProcessor, stream: LiveStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = Stream(user_id=desk.user, name="Yard", kind="push", model="nanodet-g", options={}, wanted="running")
    desk.add(row)
    add_rule(desk, at_most_one_in_s=0)
    monkeypatch.setattr(result_reader, "MOST_RESULTS", 5)
    renewed: list[list[tuple[str | None, int]]] = []

    def renew() -> bool:
        renewed.append(sorted((one.stream_id, one.track) for one in alerts(desk)))
        return len(renewed) < 8

    for one in (stream, LiveStream(desk.services.live, row.id)):
        walk(one, 1, *[LEFT] * 5)
        walk(one, 90, *[LEFT] * 5, track=8)
    follower = Follower(desk.services, renew)
    assert follower.step()
    both = sorted((one, 7) for one in (stream.id, row.id))
    assert renewed[-1] == both, "a batch of each"
    assert len(renewed[-3]) == 1, "before the second stream was read"
    assert not follower.step(), "another process has the lease"
    assert len(renewed) == 8
