"""The picture of an alert is that of the track that it is about."""

from typing import Any

import pytest
from sqlalchemy.orm import Session

from contracts.database.tables import Alert, AlertRule, new_id, utcnow
from contracts.errors import NotFound
from contracts.storage.port import alert_picture_key, rendition_key
from contracts.wire.renditions import PICTURES
from tests.adapters.renditions.test_pictures_routes import JPEG, made, store
from tests.adapters.tracking.test_tracks_route import Asked, ask, asked, users

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


def test_of_a_stream_it_is_what_was_taken_until_the_recording_has_a_better_one(asked: Asked) -> None:
    alert = add_alert(asked, picture=True)
    assert picture(asked, alert).status_code == 404, "as after a restore: pictures are in no backup"
    for content, media_type in ((b"\xff\xd8 jpeg", "image/jpeg"), (b"\0\0\0 ftyp", "video/mp4")):
        with asked.services.storage.create(alert_picture_key(alert)) as sink:
            sink.write(content)
        answer = picture(asked, alert)
        assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, content, media_type)
    assert picture(asked, alert, **{"If-None-Match": answer.headers["etag"]}).status_code == 304
    asked.give()
    made(asked)
    store(asked, rendition_key(asked.video, asked.job, PICTURES), {"2": JPEG})
    with Session(asked.services.engine) as session, session.begin():
        row = session.get_one(Alert, alert)
        row.job_id, row.video_id = asked.job, asked.video
    assert picture(asked, alert).content == JPEG
    rule = f"/api/v1/alert-rules/{row_rule(asked, alert)}"
    headers = {"Authorization": f"Bearer {asked.token}"}
    assert ask(asked.app, "DELETE", rule, headers=headers).status_code == 204
    with pytest.raises(NotFound):
        asked.services.storage.size(alert_picture_key(alert))


def row_rule(asked: Asked, alert_id: str) -> str:
    with Session(asked.services.engine) as session:
        return session.get_one(Alert, alert_id).rule_id


def test_without_a_job_there_is_none_and_the_answer_says_why(asked: Asked) -> None:
    answer = picture(asked, add_alert(asked, video_id=asked.video))
    assert (answer.status_code, answer.json()["code"]) == (404, "picture_missing")
    assert "GET /videos/{video_id}/frame" in answer.json()["detail"]
