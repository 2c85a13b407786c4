"""Changes of a job that the api and the processor make at the same time, on PostgreSQL."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from api.tables.jobs import JobTable
from contracts.database.engine import open_database
from contracts.database.tables import Base, Job
from contracts.results.tracks import TrackerParameters, TracksState, TracksStep
from contracts.wire.messages import from_json, to_json
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
