"""What the api and the processor do to a video and its job at the same time, on PostgreSQL. The first of two has locked
some of the rows, and goes on when the other one waits for it."""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, delete, text, update
from sqlalchemy.orm import Session

from api.tables.jobs import JobTable
from api.tables.renditions import RenditionTable
from api.tables.videos import VideoTable
from contracts.database.deletion import delete_video_rows, video_with_jobs
from contracts.database.engine import open_database
from contracts.database.tables import Base, Job, Recording, Rendition, StoredBytes, Video, new_id, utcnow
from contracts.errors import JobsRunning, NotFound
from contracts.live.recordings import RecordingState
from contracts.results.tracks import TrackerParameters, TracksState, TracksStep
from contracts.wire.messages import from_json, to_json
from processor.recordings.rows import RecordingRows
from tests.support.searching import SearchDesk
from tests.support.servers.debian import Postgres
from tests.support.waiting import until


@pytest.fixture
def engine(postgres: Postgres) -> Iterator[Engine]:
    made = open_database(postgres.create(f"locks-{uuid.uuid4().hex[:8]}"))
    Base.metadata.create_all(made)
    yield made
    made.dispose()


def waits_for_a_lock(engine: Engine) -> bool:
    """Whether somebody waits for a lock in this database."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with engine.connect() as connection:
        return bool(connection.scalar(waiting))


def test_tracks_that_become_ready_while_others_are_asked_for_are_not_forgotten(engine: Engine) -> None:
    desk = SearchDesk(engine)
    queued = to_json(TracksState(TracksStep.QUEUED))
    job = desk.add_job(desk.add_video(), tracks=queued)
    wanted = TrackerParameters(min_frames=9)
    with ThreadPoolExecutor(1) as others, Session(engine) as session, session.begin():
        row = session.get_one(Job, job.id, with_for_update=True)
        row.tracks = to_json(TracksState(TracksStep.READY, tracker="made 1", tracks=5))
        session.flush()
        asked = others.submit(JobTable(engine).request_tracks, desk.user_id, job.id, wanted)
        until(lambda: waits_for_a_lock(engine))
        session.commit()
        state = from_json(asked.result(60).tracks, TracksState)
    assert state == TracksState(TracksStep.QUEUED, wanted, tracker="made 1", tracks=5)


class Locked:
    """A video of 1 byte with an ended job, whose poster and pictures are stored, and what one transaction does while
    another one waits for it."""

    def __init__(self, engine: Engine) -> None:
        self.engine, desk = engine, SearchDesk(engine)
        self.user, self.video = desk.user_id, desk.add_video()
        self.job = desk.add_job(self.video)
        self.poster, self.pictures = (
            self._rendition(kind, job) for kind, job in (("poster", None), ("pictures", self.job.id))
        )
        ids, began = {"id": new_id(), "source_id": new_id(), "instance": "ingest"}, {"start": 0, "started_at": utcnow()}
        closed = {"user_id": self.user, "video_id": self.video.id, "state": str(RecordingState.CLOSED)}
        self.recording = Recording(**ids, **began, **closed)
        for row in (self.poster, self.pictures, self.recording):
            desk.add(row)

    def _rendition(self, kind: str, job_id: str | None) -> Rendition:
        owner = {"user_id": self.user, "video_id": self.video.id, "job_id": job_id}
        return Rendition(id=new_id(), kind=kind, options={}, state="ready", size_bytes=7, **owner)

    def new_job(self) -> Job:
        owner = {"user_id": self.user, "video_id": self.video.id}
        return Job(id=new_id(), model="m", options={}, state="queued", failed_ranges=[], **owner)

    def beside(
        self, first: Callable[[Session], Any], other: Callable[[], Any], then: Callable[[Session], Any]
    ) -> Future[Any]:
        """Do the first thing and the last one in one transaction, and the other one in between, as far as it comes."""
        with ThreadPoolExecutor(1) as others, Session(self.engine, expire_on_commit=False) as session, session.begin():
            first(session)
            session.flush()
            doing = others.submit(other)
            until(lambda: doing.done() or waits_for_a_lock(self.engine))
            then(session)
            session.commit()
            doing.exception(60)
        return doing

    def stored(self) -> tuple[int, int]:
        with Session(self.engine) as session:
            row = session.get_one(StoredBytes, self.user)
            return row.videos, row.renditions


@pytest.fixture
def rows(engine: Engine) -> Locked:
    return Locked(engine)


def test_of_two_who_delete_a_video_the_second_finds_it_gone(rows: Locked) -> None:
    locked: list[Any] = []
    second = rows.beside(
        lambda session: locked.append(video_with_jobs(session, rows.video.id, lock=True)),
        lambda: VideoTable(rows.engine).delete(rows.user, rows.video.id),
        lambda session: delete_video_rows(session, *locked[0]),
    )
    with pytest.raises(NotFound):
        second.result()
    assert rows.stored() == (0, 0)


def test_a_job_is_deleted_after_its_pictures_are_wanted_anew(rows: Locked) -> None:
    again = update(Rendition).where(Rendition.id == rows.pictures.id).values(state="queued")
    deleted = rows.beside(
        lambda session: session.get(Job, rows.job.id, with_for_update={"read": True, "key_share": True}),
        lambda: JobTable(rows.engine).delete(rows.user, rows.job.id),
        lambda session: session.execute(again),
    )
    assert deleted.result().id == rows.job.id
    assert rows.stored() == (1, 7)


def test_a_video_whose_job_begins_meanwhile_is_not_deleted(rows: Locked) -> None:
    job = rows.new_job()
    deleted = rows.beside(
        lambda session: session.add(job),
        lambda: VideoTable(rows.engine).delete(rows.user, rows.video.id),
        lambda _: None,
    )
    with pytest.raises(JobsRunning):
        deleted.result()
    with Session(rows.engine) as session:
        assert session.get(Job, job.id) is not None
    assert rows.stored() == (1, 14)


def test_a_recording_whose_video_is_deleted_is_not_filed(rows: Locked) -> None:
    filed = rows.beside(
        lambda session: session.get(Video, rows.video.id, with_for_update=True),
        lambda: RecordingRows(rows.engine).file(rows.recording, rows.new_job(), {}),
        lambda session: session.execute(delete(Video).where(Video.id == rows.video.id)),
    )
    assert filed.result() is False
    assert rows.stored() == (0, 0)


def test_a_poster_is_deleted_while_a_job_of_its_video_goes_on(rows: Locked) -> None:
    """The jobs come before their poster, as in a deletion of the video."""
    job = rows.new_job()
    with Session(rows.engine, expire_on_commit=False) as session, session.begin():
        session.add(job)
    deleted = rows.beside(
        lambda session: session.get(Job, job.id, with_for_update=True),
        lambda: RenditionTable(rows.engine).delete(rows.user, rows.poster.id),
        lambda session: session.execute(update(Rendition).where(Rendition.id == rows.poster.id).values(size_bytes=8)),
    )
    assert deleted.result().id == rows.poster.id
    assert rows.stored() == (1, 7)
