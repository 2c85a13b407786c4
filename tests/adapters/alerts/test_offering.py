"""Sightings become alerts in the tables: once, not too many, and with what tells of them."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from analytics.alerts.rule import Sighting
from analytics.search.hours import to_ms
from contracts.database.tables import Alert, AlertRule, Delivery, Scene, Stream, User, Video, Webhook, new_id, utcnow
from processor.alerts import rows
from processor.alerts.offering import offer
from processor.context import Services
from processor.repository import Repository
from tests.support.searching import SearchDesk

SECOND = 1000
NOW = to_ms(utcnow())


def services(desk: SearchDesk) -> Services:
    no_stream = SimpleNamespace(get=lambda _: None)  # without a picture
    return cast(Services, SimpleNamespace(repository=Repository(desk.engine), live=no_stream))


def add_rule(desk: SearchDesk, **values: Any) -> AlertRule:
    usual: dict[str, Any] = {"name": "people", "enabled": True, "search": {"label": ["person"]}, "at_most_one_in_s": 60}
    rule = AlertRule(id=new_id(), user_id=desk.user_id, **usual | values)
    desk.add(rule)
    return rule


def add_stream(desk: SearchDesk) -> str:
    stream = Stream(id=new_id(), user_id=desk.user_id, name="door", kind="push", model="m", options={})
    desk.add(stream)
    return stream.id


def add_webhook(desk: SearchDesk) -> str:
    webhook = Webhook(id=new_id(), user_id=desk.user_id, url="http://127.0.0.1:9/", secret="whsec_eA==")
    desk.add(webhook)
    return webhook.id


def sighting(stream_id: str | None, track: int = 1, at: int = 0, **values: Any) -> Sighting:
    at += NOW
    usual: dict[str, Any] = {
        "label": "person",
        "score": 9000,
        "begin": at,
        "end": at,
        "start": at,
        "stream_id": stream_id,
    }
    return Sighting(track=track, **usual | values)


def alerts(desk: SearchDesk) -> list[Alert]:
    with Session(desk.engine) as session:
        return list(session.scalars(select(Alert).where(Alert.user_id == desk.user_id).order_by(Alert.at)))


def told(desk: SearchDesk) -> list[str | None]:
    with Session(desk.engine) as session:
        mine = select(Delivery.alert_id).join(Webhook).where(Webhook.user_id == desk.user_id)
        return list(session.scalars(mine.order_by(Delivery.created_at)))


def test_a_sighting_raises_one_alert_with_its_delivery_however_often_it_is_offered(desk: SearchDesk) -> None:
    stream = add_stream(desk)
    rule = add_rule(desk, webhook_id=add_webhook(desk))
    seen = sighting(stream)
    (raised,) = offer(services(desk), desk.user_id, [seen, seen])
    assert offer(services(desk), desk.user_id, [replace(seen, end=seen.end + 5 * SECOND, score=9900)]) == []
    (alert,) = alerts(desk)
    assert (alert.id, alert.rule_id, alert.stream_id, alert.score) == (raised.id, rule.id, stream, 9000)
    assert (to_ms(alert.at), alert.start, alert.seen) == (NOW, NOW, False)
    assert told(desk) == [alert.id]


def test_a_storm_is_as_many_alerts_as_the_rate_allows(desk: SearchDesk) -> None:
    stream = add_stream(desk)
    add_rule(desk, webhook_id=add_webhook(desk))
    storm = [sighting(stream, track, 100 * track) for track in range(10_000)]
    for start in range(0, len(storm), 2500):
        offer(services(desk), desk.user_id, storm[start : start + 2500])
    found = alerts(desk)
    assert [to_ms(alert.at) - NOW for alert in found] == [60_000 * number for number in range(17)]
    assert set(told(desk)) == {alert.id for alert in found}


def test_a_rule_raises_a_hundred_alerts_in_an_hour(desk: SearchDesk) -> None:
    stream = add_stream(desk)
    rule = add_rule(desk, at_most_one_in_s=1)
    storm = [sighting(stream, track, SECOND * track) for track in range(1000)]
    assert len(offer(services(desk), desk.user_id, storm[:60])) == 60
    assert limited_at(desk, rule) is None
    assert len(offer(services(desk), desk.user_id, storm)) == 40
    assert limited_at(desk, rule) is not None
    assert offer(services(desk), desk.user_id, storm[500:]) == []
    assert [alert.track for alert in alerts(desk)] == list(range(100))
    with Session(desk.engine) as session, session.begin():
        for alert in session.scalars(select(Alert).where(Alert.rule_id == rule.id)):
            alert.created_at -= timedelta(hours=1)
    assert len(offer(services(desk), desk.user_id, storm[500:550])) == 50


def limited_at(desk: SearchDesk, rule: AlertRule) -> object:
    with Session(desk.engine) as session:
        return session.get_one(AlertRule, rule.id).limited_at


def test_several_processes_raise_an_alert_once(desk: SearchDesk) -> None:
    stream = add_stream(desk)
    add_rule(desk, at_most_one_in_s=10, webhook_id=add_webhook(desk))
    storm = [sighting(stream, track, SECOND * track) for track in range(100)]
    with ThreadPoolExecutor(4) as pool:
        for found in [pool.submit(offer, services(desk), desk.user_id, storm[part:]) for part in (0, 1, 0, 2)]:
            found.result()
    times = [to_ms(alert.at) for alert in alerts(desk)]
    assert len(times) >= 10
    assert all(later - earlier >= 10 * SECOND for earlier, later in pairwise(times))
    assert len(told(desk)) == len(times)


def test_a_process_that_dies_leaves_an_alert_with_its_delivery_or_neither(
    desk: SearchDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_rule(desk, webhook_id=add_webhook(desk))
    seen = sighting(add_stream(desk))

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(rows, "_note_deliveries", die)
        with pytest.raises(KeyboardInterrupt):
            offer(services(desk), desk.user_id, [seen])
    assert (alerts(desk), told(desk)) == ([], [])
    (raised,) = offer(services(desk), desk.user_id, [seen])
    assert told(desk) == [raised.id]


def test_rules_of_others_and_those_that_are_off_raise_nothing(desk: SearchDesk) -> None:
    other = SearchDesk(desk.engine)
    add_rule(other)
    add_rule(desk, enabled=False)
    assert offer(services(desk), desk.user_id, [sighting(add_stream(desk))]) == []
    assert (alerts(desk), alerts(other)) == ([], [])


def test_what_was_deleted_meanwhile_raises_nothing_and_stops_nothing(desk: SearchDesk) -> None:
    rule = add_rule(desk)
    video = desk.add_video()
    gone = sighting(None, video_id=video.id)
    with Session(desk.engine) as session, session.begin():
        session.execute(delete(Video).where(Video.id == video.id))
    assert offer(services(desk), desk.user_id, [gone]) == []
    stream = add_stream(desk)
    assert len(offer(services(desk), desk.user_id, [sighting(stream)])) == 1
    asked = rows.AlertRows(desk.engine).rules(desk.user_id)
    with Session(desk.engine) as session, session.begin():
        session.execute(delete(AlertRule).where(AlertRule.id == rule.id))
    assert alerts(desk) == []
    assert offer(services(desk), desk.user_id, [sighting(stream, 2, 90 * SECOND)], asked) == []


def test_alerts_go_with_their_video_and_stay_without_their_stream(desk: SearchDesk) -> None:
    add_rule(desk)
    video, stream = desk.add_video(), add_stream(desk)
    offer(services(desk), desk.user_id, [sighting(None, video_id=video.id), sighting(stream, 2, 90_000)])
    assert len(alerts(desk)) == 2
    with Session(desk.engine) as session, session.begin():
        session.execute(delete(Video).where(Video.id == video.id))
        session.execute(delete(Stream).where(Stream.id == stream))
    (left,) = alerts(desk)
    assert (left.track, left.stream_id) == (2, None)


def test_a_user_is_deleted_with_scenes_that_rules_are_about(desk: SearchDesk) -> None:
    scene = Scene(id=new_id(), user_id=desk.user_id, name="yard", zones=[], lines=[], revision=1)
    desk.add(scene)
    add_rule(desk, scene_id=scene.id, search={"scene_id": scene.id})
    with pytest.raises(IntegrityError), Session(desk.engine) as session, session.begin():
        session.execute(delete(Scene).where(Scene.id == scene.id))
    with Session(desk.engine) as session, session.begin():
        session.execute(delete(User).where(User.id == desk.user_id))
        assert session.get(Scene, scene.id) is None


def test_an_alert_whose_time_moved_hides_no_other(desk: SearchDesk) -> None:
    """As after a schedule was changed: the track that has its alert fits at another time by now."""
    stream = add_stream(desk)
    add_rule(desk)
    seen = sighting(stream)
    offer(services(desk), desk.user_id, [seen])
    moved, other = replace(seen, begin=NOW + 300_000), sighting(stream, 2, 310_000)
    (raised,) = offer(services(desk), desk.user_id, [moved, other])
    assert raised.track == 2
