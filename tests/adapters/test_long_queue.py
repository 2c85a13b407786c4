"""A long queue costs who waits in it, and the processor that looks after it, next to nothing."""

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, delete, event, select
from sqlalchemy.orm import Session

from contracts.database.tables import Job, User, Video, utcnow
from contracts.wire.job_states import JobState
from processor.core.fair_share import next_jobs
from processor.repository import Repository
from processor.waiting_jobs import oldest_waiting

MANY, AT_ONCE = 60, 2


@pytest.fixture
def videos(each_database: Engine) -> Iterator[dict[str, Video]]:
    """One of each user, by the user's name."""
    made = {}
    with Session(each_database, expire_on_commit=False) as session, session.begin():
        for name in ("many", "few", "done"):
            session.add(user := User(username=name, password_hash="-"))
            session.flush()
            made[name] = Video(user_id=user.id, content_type="-", tags=[], size_bytes=1, sha256="0" * 64)
            session.add(made[name])
    yield made
    with Session(each_database) as session, session.begin():
        session.execute(delete(User))


def add(engine: Engine, video: Video, state: JobState, count: int = 1, **values: object) -> list[str]:
    """Jobs on a video; their ids, the oldest first."""
    given = {"user_id": video.user_id, "video_id": video.id, "model": "-", "options": {}, "failed_ranges": []}
    with Session(engine, expire_on_commit=False) as session, session.begin():
        jobs = [Job(**given, state=str(state), **{"created_at": later(), **values}) for _ in range(count)]
        session.add_all(jobs)
    return [job.id for job in jobs]


_seconds = iter(range(10**6))


def later() -> datetime:
    return utcnow() + timedelta(seconds=next(_seconds))


@contextmanager
def loaded() -> Iterator[list[Job]]:
    """The jobs that are read from the tables meanwhile."""
    jobs: list[Job] = []

    def note(job: Job, *_: object) -> None:
        jobs.append(job)

    event.listen(Job, "load", note)
    try:
        yield jobs
    finally:
        event.remove(Job, "load", note)


def test_the_next_jobs_of_a_user_are_found_without_reading_all_that_wait(
    each_database: Engine, videos: dict[str, Video]
) -> None:
    repository, many = Repository(each_database), videos["many"]
    add(each_database, many, JobState.SUCCEEDED, 3)
    add(each_database, many, JobState.QUEUED, 1, cancel_requested=True)
    [running] = add(each_database, many, JobState.RUNNING)
    queued = add(each_database, many, JobState.QUEUED, MANY)
    add(each_database, videos["few"], JobState.RUNNING, 5)
    with loaded() as jobs:
        assert [job.id for job in repository.next_jobs(many.user_id, 3)] == queued[:2]
        assert [job.id for job in repository.next_jobs(many.user_id, 1)] == []
        assert not repository.begin(queued[1], 2)
        assert repository.begin(queued[0], 2)
    assert len(jobs) < MANY / 2
    assert repository.count_worked_on(many.user_id) == 2
    assert repository.move(running, JobState.FAILED)
    assert [job.id for job in repository.next_jobs(many.user_id, 2)] == queued[1:2]


def test_the_reaper_reads_what_may_have_to_be_done_and_not_what_only_waits(
    each_database: Engine, videos: dict[str, Video]
) -> None:
    repository, before = Repository(each_database), utcnow() - timedelta(hours=1)
    overdue = add(each_database, videos["many"], JobState.QUEUED, 1, created_at=before - timedelta(hours=1))
    queued = add(each_database, videos["many"], JobState.QUEUED, MANY)
    cancelled = add(each_database, videos["many"], JobState.QUEUED, 1, cancel_requested=True)
    working = [
        job
        for state in (JobState.PLANNING, JobState.RUNNING, JobState.MERGING)
        for job in add(each_database, videos["few"], state)
    ]
    last = add(each_database, videos["few"], JobState.QUEUED)
    add(each_database, videos["done"], JobState.SUCCEEDED, MANY)
    with loaded() as jobs:
        found = repository.jobs_to_advance(AT_ONCE, before)
    assert [job.id for job in found] == [*overdue, queued[0], *cancelled, *working, *last]
    assert len(jobs) == len(found)
    # Those whose turn it is are the same as of all active jobs.
    assert [job.id for job in next_jobs(found, AT_ONCE)] == [*overdue, queued[0]]
    found = repository.jobs_to_advance(AT_ONCE + 1, None)
    assert [job.id for job in next_jobs(found, AT_ONCE + 1)] == [overdue[0], last[0], *queued[:2]]


def test_cancelled_jobs_that_cannot_end_keep_no_later_one_from_being_read(
    each_database: Engine, videos: dict[str, Video], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As those that are merged on a full disk."""
    monkeypatch.setattr("processor.repository._MOST_ENDING", 1)
    stuck = add(each_database, videos["many"], JobState.MERGING, 2, cancel_requested=True)
    later = add(each_database, videos["few"], JobState.QUEUED, 1, cancel_requested=True)
    assert [job.id for job in Repository(each_database).jobs_to_advance(AT_ONCE, None)] == [*stuck, *later]


@pytest.mark.parametrize("seed", range(3))
def test_the_oldest_that_wait_are_what_looking_at_all_finds(
    each_database: Engine, videos: dict[str, Video], seed: int
) -> None:
    """Also where several were made at the same time."""
    chance, now, states = random.Random(seed), utcnow(), (JobState.QUEUED,) * 4 + (JobState.RUNNING, JobState.FAILED)
    for _ in range(40):
        made = {"created_at": now - timedelta(hours=chance.randrange(9)), "cancel_requested": chance.random() < 0.2}
        add(each_database, videos[chance.choice(("many", "many", "few", "done"))], chance.choice(states), 1, **made)
    with Session(each_database) as session:
        jobs = list(session.scalars(select(Job).order_by(Job.created_at, Job.id)))
        for per_user, overdue, most in ((1, None, 9), (3, None, 9), (1, 4, 2), (2, 4, 9), (5, 1, 3), (60, 0, 60)):
            before = None if overdue is None else now - timedelta(hours=overdue)
            expected, places = set(), Counter[str]()
            for job in jobs:
                if job.state == JobState.QUEUED and not job.cancel_requested:
                    places[job.user_id] += 1
                    place = places[job.user_id]
                    if place <= per_user or (before and job.created_at < before and place <= most):
                        expected.add(job.id)
            found = [job.id for job in session.scalars(oldest_waiting(per_user, before, most))]
            assert (set(found), len(found)) == (expected, len(expected)), (per_user, overdue, most)


def test_where_nothing_waits_nothing_is_found(each_database: Engine, videos: dict[str, Video]) -> None:
    add(each_database, videos["few"], JobState.QUEUED, 1, cancel_requested=True)
    with Session(each_database) as session:
        assert session.scalars(oldest_waiting(2, utcnow(), 2)).all() == []
