"""The database adds up what is stored, whatever changes the rows."""

import uuid
from threading import Thread
from typing import Any

from sqlalchemy import Engine, delete, select, text, update
from sqlalchemy.orm import Session

from contracts.database.deletion import delete_video_rows, video_with_jobs
from contracts.database.engine import open_database
from contracts.database.tables import Base, ReelVideo, Rendition, StoredBytes, User, Video, new_id
from tests.support.servers.debian import Postgres
from tests.support.waiting import until


def videos(user: str, *sizes: int) -> list[Video]:
    facts: dict[str, Any] = {"content_type": "video/mp4", "tags": [], "sha256": "0"}
    return [Video(id=new_id(), user_id=user, size_bytes=size, **facts) for size in sizes]


def stored(engine: Engine, *users: str) -> list[tuple[int, int] | None]:
    with Session(engine) as session:
        found = [session.get(StoredBytes, user) for user in users]
    return [(one.videos, one.renditions) if one else None for one in found]


def test_what_is_stored_is_added_up_as_rows_come_change_and_go(each_database: Engine) -> None:
    one, other = new_id(), new_id()
    mine, theirs = videos(one, 10, 200), videos(other, 3000)
    posters = [
        Rendition(
            id=new_id(), user_id=one, video_id=mine[0].id, kind=f"k{number}", options={}, state=state, size_bytes=7
        )
        for number, state in enumerate(("ready", "queued", "failed"))
    ]
    steps: list[tuple[Any, list[tuple[int, int] | None]]] = [
        (
            lambda session: session.add_all([User(id=user, username=user, password_hash="-") for user in (one, other)]),
            [None, None],
        ),
        (lambda session: session.add_all([*mine, *theirs]), [(210, 0), (3000, 0)]),
        (lambda session: session.add_all(posters), [(210, 7), (3000, 0)]),
        (
            lambda session: session.execute(
                update(Rendition).where(Rendition.user_id == one).values(state="ready", size_bytes=50)
            ),
            [(210, 150), (3000, 0)],
        ),
        (
            lambda session: session.execute(
                update(Rendition).where(Rendition.id == posters[1].id).values(state="queued")
            ),
            [(210, 100), (3000, 0)],
        ),
        (
            lambda session: session.execute(delete(Rendition).where(Rendition.id == posters[0].id)),
            [(210, 50), (3000, 0)],
        ),
        (lambda session: session.execute(delete(Video).where(Video.id == mine[0].id)), [(200, 0), (3000, 0)]),
        (lambda session: session.execute(delete(User).where(User.id == one)), [None, (3000, 0)]),
        (lambda session: session.execute(delete(User).where(User.id == other)), [None, None]),
    ]
    for change, expected in steps:
        with Session(each_database, expire_on_commit=False) as session, session.begin():
            change(session)
        assert stored(each_database, one, other) == expected


def test_a_failed_transaction_counts_nothing(each_database: Engine) -> None:
    user = new_id()
    with Session(each_database) as session, session.begin():
        session.add(User(id=user, username=user, password_hash="-"))
    with Session(each_database) as session:
        session.add_all(videos(user, 5))
        session.flush()
        session.rollback()
    assert stored(each_database, user) == [None]


def ready(video: Video, kind: str) -> Rendition:
    facts: dict[str, Any] = {"options": {}, "state": "ready", "size_bytes": 7}
    return Rendition(id=new_id(), user_id=video.user_id, video_id=video.id, kind=kind, **facts)


def test_a_video_is_deleted_while_a_rendition_of_it_becomes_ready(postgres: Postgres) -> None:
    engine = open_database(postgres.create(f"tables-{uuid.uuid4().hex[:8]}"))
    Base.metadata.create_all(engine)
    one, other = videos(user := new_id(), 10, 200)
    reel, copy = ready(other, "reel"), ready(one, "copy")
    with Session(engine, expire_on_commit=False) as session, session.begin():
        session.add(User(id=user, username=user, password_hash="-"))
        session.flush()
        session.add_all([one, other])
        session.flush()
        session.add_all([reel, copy])
        session.flush()
        session.add(ReelVideo(reel_id=reel.id, video_id=one.id))

    def remove() -> None:
        with Session(engine) as session, session.begin():
            found = video_with_jobs(session, one.id, lock=True)
            assert found is not None
            delete_video_rows(session, *found)

    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as watch, Session(engine) as renderer:
        renderer.scalars(select(Rendition.id).where(Rendition.id == copy.id).with_for_update()).one()
        remover = Thread(target=remove)
        remover.start()
        until(lambda: watch.exec_driver_sql(waiting).scalar())
        renderer.execute(update(Rendition).where(Rendition.id == copy.id).values(size_bytes=50))
        renderer.commit()
    remover.join()
    assert stored(engine, user) == [(200, 0)]
    engine.dispose()


def test_a_rendition_that_is_not_ready_waits_for_no_sum(postgres: Postgres) -> None:
    engine = open_database(postgres.create(f"sums-{uuid.uuid4().hex[:8]}"))
    Base.metadata.create_all(engine)
    user = new_id()
    [video] = videos(user, 10)
    poster = Rendition(id=new_id(), user_id=user, video_id=video.id, kind="poster", options={}, state="queued")
    with Session(engine, expire_on_commit=False) as session, session.begin():
        for row in (User(id=user, username=user, password_hash="-"), video, poster):
            session.add(row)
            session.flush()
    with Session(engine) as holder, Session(engine) as other:
        holder.get_one(StoredBytes, user, with_for_update=True)
        other.execute(text("SET LOCAL lock_timeout = '1s'"))
        other.execute(update(Rendition).where(Rendition.id == poster.id).values(state="running"))
        other.commit()
    assert stored(engine, user) == [(10, 0)]
    engine.dispose()
