"""Reading and writing the database: who reads does not wait for who writes."""

from pathlib import Path

import pytest
from sqlalchemy import select

from contracts.database import Database, open_database
from contracts.tables import Base, User, new_id


def test_readers_do_not_wait_for_a_writer_and_see_what_is_kept(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/tables.sqlite")
    Base.metadata.create_all(engine)
    database = Database(engine)

    def names() -> list[str]:
        with database.read() as session:
            return list(session.scalars(select(User.username)))

    with database.write() as session:
        session.add(User(id=new_id(), username="first", password_hash=""))
        session.flush()
        assert names() == [], "it waits for the writer's lock, or sees what may be undone"
    assert names() == ["first"]
    engine.dispose()


def test_what_goes_wrong_in_a_transaction_is_undone(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/tables.sqlite")
    Base.metadata.create_all(engine)
    database = Database(engine)

    def fail() -> None:
        with database.write() as session:
            session.add(User(id=new_id(), username="second", password_hash=""))
            session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with database.read() as session:
        assert session.scalars(select(User)).all() == []
    engine.dispose()
