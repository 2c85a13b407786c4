"""The picture of an alert is that of the track that it is about."""

from typing import Any

from sqlalchemy.orm import Session

from contracts.database.tables import Alert, AlertRule, new_id, utcnow
from contracts.storage.port import rendition_key
from contracts.wire.renditions import PICTURES
from tests.adapters.test_pictures_routes import JPEG, made, store
from tests.adapters.test_tracks_route import Asked, ask, asked, users

__all__ = ["asked", "users"]


def add_alert(asked: Asked, **values: Any) -> str:
    rule = AlertRule(id=new_id(), user_id=asked.user, name="x", enabled=True, search={}, at_most_one_in_s=60)
    alert = Alert(id=new_id(), rule_id=rule.id, user_id=asked.user, key="x", at=utcnow(), dated=True, label="cat")
    alert.score, alert.track, alert.start = 9000, 2, 0
    for name, value in values.items():
        setattr(alert, name, value)
    with Session(asked.services.engine, expire_on_commit=False) as session, session.begin():
        session.add(rule)
        session.flush()
        session.add(alert)
    return alert.id


def picture(asked: Asked, alert_id: str, **headers: str) -> Any:
    path = f"/api/v1/alerts/{alert_id}/picture"
    return ask(asked.app, "GET", path, headers={"Authorization": f"Bearer {asked.token}", **headers})


def test_it_is_the_picture_of_its_track(asked: Asked) -> None:
    asked.give()
    made(asked)
    store(asked, rendition_key(asked.video, asked.job, PICTURES), {"2": JPEG})
    alert = add_alert(asked, video_id=asked.video, job_id=asked.job)
    answer = picture(asked, alert)
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, JPEG, "image/jpeg")
    assert picture(asked, alert, **{"If-None-Match": answer.headers["etag"]}).status_code == 304


def test_without_a_job_there_is_none_and_the_answer_says_why(asked: Asked) -> None:
    answer = picture(asked, add_alert(asked, video_id=asked.video))
    assert (answer.status_code, answer.json()["code"]) == (404, "picture_missing")
    assert "GET /videos/{video_id}/frame" in answer.json()["detail"]
