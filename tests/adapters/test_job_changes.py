"""What event streams read of the tables: by what has changed, however many jobs wait."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, event
from sqlalchemy.orm import Session

from api.context import Services, context
from api.notify.event_hub import MARGIN, Change
from api.routes import job_changes
from api.tables import jobs as job_table
from contracts.database.tables import Job, Rendition, User, Video, new_id, utcnow
from contracts.wire.job_states import JobState
from contracts.wire.messages import Options
from contracts.wire.renditions import RenditionState
from processor.repository import Repository


class Desk:
    """A user with a video and jobs on it, which changed last an hour ago."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.repository = Repository(services.engine)
        self.user, self.video, self.poster = new_id(), new_id(), new_id()
        self.long_ago = utcnow() - timedelta(hours=1)
        with Session(services.engine) as session, session.begin():
            session.add(User(id=self.user, username=self.user, password_hash="-"))
            session.flush()
            video: dict[str, Any] = {"content_type": "video/mp4", "tags": [], "size_bytes": 1, "sha256": "0"}
            session.add(Video(id=self.video, user_id=self.user, **video))
            session.flush()
            poster = {"id": self.poster, "kind": "poster", "options": {}, "state": "running"}
            mine = {"user_id": self.user, "video_id": self.video, "changed_at": self.long_ago}
            session.add(Rendition(**poster, **mine))

    def add(self, count: int, **values: Any) -> list[str]:
        ids = [new_id() for _ in range(count)]
        row: dict[str, Any] = {
            "user_id": self.user,
            "video_id": self.video,
            "model": "m",
            "options": {},
            "failed_ranges": [],
        }
        row |= {"state": "queued", "changed_at": self.long_ago, **values}
        with Session(self.services.engine) as session, session.begin():
            for number, job_id in enumerate(ids):
                session.add(Job(id=job_id, created_at=self.long_ago + timedelta(seconds=number), **row))
        return ids

    def changes(self) -> list[Change]:
        return job_changes.changes([self.user], utcnow() - MARGIN)

    def marks(self, name: str) -> dict[str, object]:
        return {change.id: change.mark for change in self.changes() if change.event == name}


@pytest.fixture
def desk(app: object) -> Any:
    made = Desk(context.current())
    yield made
    with Session(made.services.engine) as session, session.begin():
        session.execute(delete(User).where(User.id == made.user))


def test_waiting_jobs_are_read_only_when_something_of_them_changes(desk: Desk) -> None:
    waiting = desk.add(3)
    (working,) = desk.add(1, state="running", frames_total=9)
    assert set(desk.marks("job")) == {working}
    poster = desk.repository.rendition(desk.poster)
    assert poster is not None
    one, every = {working, waiting[0]}, {working, *waiting}
    steps: list[tuple[Callable[[], object], set[str]]] = [
        (lambda: desk.services.store.set_progress(working, 0, 3, 0.1), {working}),
        (lambda: desk.services.jobs.request_cancel(desk.user, waiting[0]), one),
        (lambda: desk.repository.probed(desk.video, None, None), every),
        (lambda: desk.repository.move_rendition(poster, RenditionState.READY), every),
        (lambda: desk.services.renditions.delete(desk.user, desk.poster), every),
        (lambda: desk.repository.move(waiting[0], JobState.CANCELLED), every),
    ]
    for change, expected in steps:
        before = desk.marks("job")
        change()
        after = desk.marks("job")
        assert set(after) == expected
        assert before != after
    # A new job is a change of its own.
    added = desk.services.jobs.add(desk.user, desk.video, "m", Options(), lambda _session: None)[0]
    assert added.id in desk.marks("job")


def test_a_poll_scans_no_table(desk: Desk) -> None:
    engine, asked = desk.services.engine, []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        asked.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    desk.changes()
    event.remove(engine, "before_cursor_execute", note)
    with engine.connect() as connection:
        plans = [connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values).all() for sql, values in asked]
    steps = [step for plan in plans for *_, step in plan]
    assert {"jobs", "renditions"} == {step.split()[1] for step in steps if "changed_at" in step and "SEARCH" in step}
    assert [step for step in steps if "alerts" in step] == [
        "SEARCH alerts USING INDEX ix_alerts_created_at (created_at>?)"
    ], "and not once for each rule"
    assert [step for step in steps if step.startswith("SCAN")] == []


def test_renditions_are_read_when_they_change(desk: Desk) -> None:
    assert desk.marks("rendition") == {}
    row = desk.repository.rendition(desk.poster)
    assert row is not None
    desk.repository.move_rendition(row, RenditionState.RUNNING, frames_done=1)
    first = desk.marks("rendition")
    desk.repository.move_rendition(row, RenditionState.RUNNING, frames_done=2)
    second = desk.marks("rendition")
    assert set(first) == set(second) == {desk.poster}
    assert first != second


def test_jobs_at_work_come_first_and_are_never_cut_off(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_table, "MOST_CHANGES", 4)
    waiting = desk.add(10)
    (working,) = desk.add(1, state="merging")
    (ended,) = desk.add(1, state="failed", changed_at=utcnow(), finished_at=utcnow())
    read = [change.id for change in job_changes.all_active(desk.user, utcnow() - MARGIN) if change.event == "job"]
    assert read == [working, ended, *waiting[:2]]


def test_what_is_loaded_at_once_is_bounded_in_bytes(desk: Desk) -> None:
    ids = desk.add(100, options={"labels": ["x" * 100_000]})
    wanted = [Change(desk.user, "job", job_id, job_id, None, 0) for job_id in [*ids, new_id()]]
    loaded: dict[Any, bytes | None] = {}
    while missing := [change for change in wanted if change.key not in loaded]:
        some = job_changes.load(missing)
        assert 0 < sum(len(data or b"") for data in some.values()) < 6_000_000 or len(missing) == 1
        loaded.update(some)
    assert [change.id for change in wanted if loaded[change.key] is None] == [wanted[-1].id], "deleted meanwhile"
