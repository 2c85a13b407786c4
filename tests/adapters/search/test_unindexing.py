"""Deleting jobs and videos with many tracks: in many short transactions, and nothing is lost where it is refused."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, event, func, select
from sqlalchemy.orm import Session

from api.tables.jobs import JobTable
from api.tables.videos import VideoTable
from contracts.database import removing
from contracts.database.engine import Database
from contracts.database.tables import IndexedJob, IndexedTrack, Job, UnindexedJob, Video, utcnow
from contracts.errors import JobsRunning
from contracts.results.tracks import TracksState, TracksStep
from contracts.wire.messages import to_json
from processor.housekeeping.inventory import Inventory
from processor.search.rows import SearchRows
from tests.support.searching import SearchDesk, track

DAY = datetime(2026, 3, 2, tzinfo=UTC)
BITE = 4
TRACKS = [track(number, start=number) for number in range(1, 12)]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removing, "_ROWS", BITE)
    monkeypatch.setattr(removing, "_PAUSE_SECONDS", 0)


@pytest.fixture
def left(engine: Engine) -> Iterator[list[int]]:
    """How many tracks were left in the index when rows of jobs were deleted, each time."""
    counts: list[int] = []

    def look(connection: object, cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("DELETE FROM jobs"):
            with Session(engine.execution_options(web_detector_reads=True)) as session:
                counts.append(session.scalars(select(func.count()).select_from(IndexedTrack)).one())

    with Session(engine) as session, session.begin():
        before = session.scalars(select(func.count()).select_from(IndexedTrack)).one()
    event.listen(engine, "before_cursor_execute", look)
    yield counts
    event.remove(engine, "before_cursor_execute", look)
    assert [count - before for count in counts] == [0]


DELETIONS: dict[str, Callable[[Engine, Job, Video], object]] = {
    "a job": lambda engine, job, _: JobTable(engine).delete(job.user_id, job.id),
    "a video": lambda engine, _, video: VideoTable(engine).delete(video.user_id, video.id),
    "an old job": lambda engine, job, _: Inventory(engine).delete_job(job),
    "an old video": lambda engine, _, video: Inventory(engine).delete_video(video, utcnow()),
}


@pytest.mark.parametrize("name", DELETIONS)
def test_tracks_leave_the_index_before_their_job(desk: SearchDesk, left: list[int], name: str) -> None:
    video = desk.add_video(DAY)
    job = desk.add_job(video, *TRACKS, finished_at=DAY)
    assert DELETIONS[name](desk.engine, job, video)
    with Session(desk.engine) as session:
        assert session.scalars(select(IndexedJob.id).where(IndexedJob.user_id == desk.user_id)).all() == []
        assert session.scalars(select(UnindexedJob.id).where(UnindexedJob.job_id == job.id)).all() == []
    assert len(left) == 1


def test_what_is_refused_stays_in_the_index(desk: SearchDesk) -> None:
    video = desk.add_video(DAY)
    running = desk.add_job(video, state="running")
    ended = desk.add_job(video, *TRACKS, finished_at=DAY)
    with pytest.raises(JobsRunning):
        VideoTable(desk.engine).delete(desk.user_id, video.id)
    with pytest.raises(JobsRunning):
        JobTable(desk.engine).delete(desk.user_id, running.id)
    assert Inventory(desk.engine).delete_video(video, utcnow()) is None
    assert desk.found() == [(ended.id, one.id) for one in reversed(TRACKS)]


def test_a_job_that_stays_after_all_is_indexed_again(desk: SearchDesk) -> None:
    video = desk.add_video(DAY)
    job = desk.add_job(video, *TRACKS, tracks=to_json(TracksState(TracksStep.READY)))
    removing.unindex(Database(desk.engine), Job.id == job.id)
    assert desk.found() == []
    assert [row.id for row, _ in SearchRows(desk.engine).with_tracks("", indexed=False)[0]] == [job.id]
